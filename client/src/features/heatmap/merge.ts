import { hourAt, isoDay, parseLocal, weekday } from "../../lib/zone.ts";
import type { Counts } from "../../protocol/generated.ts";
import type { LiveBucket } from "../../store/tally.ts";
import type { HeatView } from "./range.ts";

/** Names of cells: `2026-11-25 10 330` for an hour, `2026-11-25` for a day, `3 10` for an hour of the week. */
export const hourKey = (day: string, hour: number, offset: number): string => `${day} ${hour} ${offset}`;
export const weekKey = (weekday: number, hour: number): string => `${weekday} ${hour}`;

function keyAt(view: HeatView, zone: string, at: number): string {
  const { day, hour, offset } = hourAt(zone, at);
  if (view === "year") return isoDay(day);
  if (view === "hours") return weekKey(weekday(day), hour);
  return hourKey(isoDay(day), hour, offset);
}

/** What the server counted, and what had come live by then: its answer holds that already. Null while more of that may be on its way. */
export interface Counted {
  answer: Counts;
  before: ReadonlyMap<string, number> | null;
}

/** Events by cell: the server's count, and what came live since it was taken. */
export function cellCounts(
  view: HeatView,
  zone: string,
  counted: Counted | undefined,
  live: ReadonlyMap<string, LiveBucket>,
  source: string | null,
): Map<string, number> {
  const cells = new Map<string, number>();
  const add = (key: string, count: number) => cells.set(key, (cells.get(key) ?? 0) + count);
  for (const { start, eventCount } of counted?.answer.counts ?? []) {
    const hour = parseLocal(start);
    if (hour) add(view === "year" ? hour.day : hourKey(hour.day, hour.hour, hour.offset), eventCount);
  }
  for (const { weekday, hour, eventCount } of counted?.answer.hoursOfWeek ?? [])
    add(weekKey(weekday, hour), eventCount);
  if (counted?.before === null) return cells;
  for (const [key, bucket] of live) {
    if (source !== null && bucket.source !== source) continue;
    const since = bucket.count - (counted?.before.get(key) ?? 0);
    if (since > 0) add(keyAt(view, zone, bucket.start), since);
  }
  return cells;
}

/** Steps of colour above the empty one. */
const STEPS = 4;

/** The step of colour of a count, by its size on a logarithmic scale: a busy hour does not hide the quiet ones. */
export function heat(count: number, most: number): number {
  return count <= 0
    ? 0
    : Math.max(1, Math.ceil((STEPS * Math.log1p(count)) / Math.log1p(Math.max(count, most))));
}
