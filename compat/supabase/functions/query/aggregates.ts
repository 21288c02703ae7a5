// All rows of an answer that the platform hands out in pieces.

import type { Database, HourlyRow } from "../_shared/db.ts";
import { Problem } from "../_shared/problem.ts";

/** Events of one source in one UTC hour, as the wire has them. */
export interface Aggregate {
  source: string;
  date: string;
  hour: number;
  eventCount: number;
}

/** How often reading starts over where rows come or go meanwhile. */
const ATTEMPTS = 5;

/** Every row of the last `days` days, newest hour first, sources ascending within it. */
export async function hourlyAggregates(
  database: Database,
  days: number,
  source: string | undefined,
): Promise<Aggregate[]> {
  // the database cannot be asked for a name with NUL, and holds none
  if (source?.includes("\0")) return [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const rows = await readAll(database, days, source);
    if (rows !== undefined) return rows.sort(inOrder).map(aggregate);
  }
  throw Problem.unavailable();
}

/**
 * Reads page after page, each beginning with the last row of the one before: where that row has moved, rows came
 * or went in front of it, and what was read does not fit together (`undefined`).
 */
async function readAll(
  database: Database,
  days: number,
  source: string | undefined,
): Promise<HourlyRow[] | undefined> {
  const { rows, total } = await database.hourly(days, source, 0);
  let expected = total;
  while (rows.length < expected) {
    const last = rows.at(-1);
    const page = await database.hourly(days, source, Math.max(rows.length - 1, 0));
    const [repeated, ...further] = page.rows;
    if (last === undefined || repeated === undefined || !isSame(last, repeated)) return undefined;
    if (further.length === 0 && rows.length < page.total) return undefined;
    rows.push(...further);
    expected = page.total;
  }
  return rows;
}

function isSame(one: HourlyRow, other: HourlyRow): boolean {
  return one.source === other.source && one.date === other.date && one.hour === other.hour;
}

function inOrder(one: HourlyRow, other: HourlyRow): number {
  return compare(other.date, one.date) || other.hour - one.hour || compare(one.source, other.source);
}

/** By code points, as the bytes of UTF-8 compare; the language itself compares halves of surrogate pairs. */
function compare(one: string, other: string): number {
  const left = [...one], right = [...other];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function aggregate(row: HourlyRow): Aggregate {
  return { source: row.source, date: row.date, hour: row.hour, eventCount: row.event_count };
}
