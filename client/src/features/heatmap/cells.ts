import { count, plural } from "../../lib/format.ts";
import { addDays, type Day, hoursOfDay, isoDay, startOfDay, weekday } from "../../lib/zone.ts";
import { hourKey, weekKey } from "./merge.ts";
import { dayName, type HeatView, latestHour, monthName, weekdayName } from "./range.ts";

/** A cell that can be looked at and chosen. */
export interface Cell {
  key: string;
  /** What it stands for, in words. */
  name: string;
  count: number;
  start: number;
  end: number;
}

/** A row of the grid: in every column no cell, one, or two where an hour comes twice. */
interface Row {
  name: string;
  columns: Cell[][];
}

export interface Grid {
  rows: Row[];
  /** Names above the columns, empty where there is none. */
  heads: string[];
  total: number;
  most: number;
}

const two = (number: number) => String(number).padStart(2, "0");
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const every = (step: number) => HOURS.map((hour) => (hour % step === 0 ? two(hour) : ""));

/** `10:00 to 11:00`, with the offset where that hour comes twice. */
function hourName(hour: number, minutes: number, offset: number | null): string {
  const end = (hour * 60 + minutes) % 1440;
  const zone =
    offset === null
      ? ""
      : ` (UTC${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)})`;
  return `${two(hour)}:00 to ${two(Math.floor(end / 60))}:${two(end % 60)}${zone}`;
}

function finish(rows: Row[], heads: string[]): Grid {
  const counts = rows.flatMap(({ columns }) => columns.flat().map((cell) => cell.count));
  return { rows, heads, total: counts.reduce((sum, count) => sum + count, 0), most: Math.max(0, ...counts) };
}

/** A row for each day, a column for each hour. */
function hourGrid(days: readonly Day[], zone: string, counts: ReadonlyMap<string, number>): Grid {
  const rows = days.map((day) => {
    const hours = hoursOfDay(zone, day);
    const columns = HOURS.map((wanted) => {
      const found = hours.filter(({ hour }) => hour === wanted);
      return found.map(({ hour, offset, start, end }) => {
        const key = hourKey(isoDay(day), hour, offset);
        const name = `${dayName(day)}, ${hourName(hour, found.length > 1 ? 60 : (end - start) / 60_000, found.length > 1 ? offset : null)}`;
        return { key, name, count: counts.get(key) ?? 0, start, end };
      });
    });
    return { name: dayName(day), columns };
  });
  return finish(rows, every(3));
}

/** A row for each day of the week, a column for each week. */
function yearGrid(days: readonly Day[], zone: string, counts: ReadonlyMap<string, number>): Grid {
  const first = days[0];
  if (!first) return finish([], []);
  const monday = addDays(first, 1 - weekday(first));
  const weeks = Math.ceil((days.length + weekday(first) - 1) / 7);
  const inRange = new Set(days.map(isoDay));
  const rows = Array.from({ length: 7 }, (_, row) => {
    const columns = Array.from({ length: weeks }, (_, week) => {
      const day = addDays(monday, week * 7 + row);
      const key = isoDay(day);
      if (!inRange.has(key)) return [];
      const [start, end] = [startOfDay(zone, day), startOfDay(zone, addDays(day, 1))];
      return [{ key, name: `${dayName(day)} ${day.year}`, count: counts.get(key) ?? 0, start, end }];
    });
    return { name: weekdayName(row + 1), columns };
  });
  const heads = Array.from({ length: weeks }, (_, week) => {
    const day = addDays(monday, week * 7);
    return day.day <= 7 && week < weeks - 1 ? monthName(day) : "";
  });
  return finish(rows, heads);
}

/** A row for each day of the week, a column for each hour; a cell leads to the latest such hour. */
function weekGrid(zone: string, now: number, counts: ReadonlyMap<string, number>): Grid {
  const rows = Array.from({ length: 7 }, (_, index) => {
    const day = index + 1;
    const columns = HOURS.map((hour) => {
      const key = weekKey(day, hour);
      const latest = latestHour(zone, now, day, hour) ?? { start: now, end: now };
      const name = `${weekdayName(day)}, ${hourName(hour, 60, null)}`;
      return [{ key, name, count: counts.get(key) ?? 0, start: latest.start, end: latest.end }];
    });
    return { name: weekdayName(day), columns };
  });
  return finish(rows, every(3));
}

/** The cells of a view. */
export function gridOf(
  view: HeatView,
  days: readonly Day[],
  zone: string,
  now: number,
  counts: ReadonlyMap<string, number>,
): Grid {
  if (view === "year") return yearGrid(days, zone, counts);
  return view === "hours" ? weekGrid(zone, now, counts) : hourGrid(days, zone, counts);
}

/** A cell in one line. */
export const sayCell = (cell: Pick<Cell, "name" | "count">): string =>
  `${cell.name}: ${plural(cell.count, "event")}`;

/** The sum of a view in one line. */
export const sayTotal = (total: number, view: HeatView): string =>
  `${count(total)} ${total === 1 ? "event" : "events"} in ${{ week: "7 days", month: "30 days", year: "a year", hours: "12 weeks" }[view]}`;
