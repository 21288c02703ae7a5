import { addDays, dayAt, startOfDay } from "../../lib/zone.ts";
import type { EventFilter } from "../../protocol/filter.ts";

/** How far the breakdowns look back when no time is filtered. */
export type Range = "week" | "month" | "year";

const DAYS: Record<Range, number> = { week: 7, month: 30, year: 365 };
const LONGEST_MS = 366 * 24 * 3_600_000;

/** The time to break down: what is filtered, else whole days up to the end of today. */
export function timesOf(range: Range, filter: Pick<EventFilter, "from" | "to">, zone: string, now: number) {
  const today = dayAt(zone, now);
  const to = filter.to ?? startOfDay(zone, addDays(today, 1));
  const from = filter.from ?? startOfDay(zone, addDays(today, 1 - DAYS[range]));
  return { from: new Date(Math.max(from, to - LONGEST_MS)).toISOString(), to: new Date(to).toISOString() };
}
