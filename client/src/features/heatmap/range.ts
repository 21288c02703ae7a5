import { addDays, type Day, dayAt, hoursOfDay, startOfDay, weekday } from "../../lib/zone.ts";
import type { CountsQuery } from "../../protocol/generated.ts";

/** What the heatmap shows: days by hour, a year by day, or the hours of the week. */
export type HeatView = "week" | "month" | "year" | "hours";

/** Days that each view looks back, today included. */
const DAYS: Record<HeatView, number> = { week: 7, month: 30, year: 365, hours: 84 };

/** The days of a view, the earliest first. */
export function daysOf(view: HeatView, zone: string, now: number): Day[] {
  const today = dayAt(zone, now);
  return Array.from({ length: DAYS[view] }, (_, index) => addDays(today, index + 1 - DAYS[view]));
}

/** What to ask the server for. */
export function countsQuery(view: HeatView, zone: string, now: number, source: string | null): CountsQuery {
  const today = dayAt(zone, now);
  return {
    from: new Date(startOfDay(zone, addDays(today, 1 - DAYS[view]))).toISOString(),
    to: new Date(startOfDay(zone, addDays(today, 1))).toISOString(),
    tz: zone,
    by: view === "year" ? "day" : view === "hours" ? "hourOfWeek" : "hour",
    ...(source !== null && { source }),
  };
}

/** The latest passed or running hour of that name. */
export function latestHour(
  zone: string,
  now: number,
  wanted: number,
  hour: number,
): { start: number; end: number } | null {
  for (let back = 0; back <= 14; back++) {
    const day = addDays(dayAt(zone, now), -back);
    if (weekday(day) !== wanted) continue;
    const found = hoursOfDay(zone, day).find((other) => other.hour === hour && other.start <= now);
    if (found) return found;
  }
  return null;
}

/** `Wed, 25 Nov`. */
export function dayName({ year, month, day }: Day): string {
  return NAMES.format(Date.UTC(year, month - 1, day));
}

/** `Nov`. */
export const monthName = ({ year, month }: Day): string => MONTHS.format(Date.UTC(year, month - 1, 1));

/** `Mon`, from 1 for Monday. */
export const weekdayName = (number: number): string => WEEKDAYS.format(Date.UTC(2024, 0, number));

const NAMES = new Intl.DateTimeFormat(undefined, {
  timeZone: "UTC",
  weekday: "short",
  day: "numeric",
  month: "short",
});
const MONTHS = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "short" });
const WEEKDAYS = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", weekday: "short" });
