/** A day of the calendar; months count from 1. */
export interface Day {
  year: number;
  month: number;
  day: number;
}

/** An hour of a day in a zone. A day has 24 of them but where its clock is moved: then one is missing or comes twice. */
export interface ZonedHour {
  hour: number;
  /** Minutes east of UTC. */
  offset: number;
  start: number;
  end: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const QUARTER = 15 * MINUTE;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The zone this browser lives in. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    const numeric = "numeric";
    found = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    formats.set(zone, found);
  }
  return found;
}

/** The local clock at a moment, written as if it were UTC. */
function local(zone: string, at: number): number {
  const fields = new Map(
    format(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const field = (name: Intl.DateTimeFormatPartTypes) => fields.get(name) ?? 0;
  return Date.UTC(
    field("year"),
    field("month") - 1,
    field("day"),
    field("hour"),
    field("minute"),
    field("second"),
  );
}

/** Minutes east of UTC at a moment. */
export function offsetAt(zone: string, at: number): number {
  const second = Math.floor(at / 1000) * 1000;
  return Math.round((local(zone, second) - second) / MINUTE);
}

/** The day of a moment. */
export function dayAt(zone: string, at: number): Day {
  const date = new Date(local(zone, at));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** The day `days` later, or earlier where that is negative. */
export function addDays({ year, month, day }: Day, days: number): Day {
  const date = new Date(Date.UTC(year, month - 1, day + days));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** `2026-11-25`. */
export function isoDay({ year, month, day }: Day): string {
  return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

/** 1 for Monday to 7 for Sunday. */
export const weekday = ({ year, month, day }: Day): number =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;

/** The first moment of a day, also where its clock jumps over midnight. */
export function startOfDay(zone: string, { year, month, day }: Day): number {
  const midnight = Date.UTC(year, month - 1, day);
  const before = midnight - offsetAt(zone, midnight - 24 * HOUR) * MINUTE;
  const after = midnight - offsetAt(zone, midnight + 24 * HOUR) * MINUTE;
  for (const start of [Math.min(before, after), Math.max(before, after)]) {
    if (local(zone, start) === midnight) return start;
  }
  return before;
}

/** The hours of a day in the order in which they pass. */
export function hoursOfDay(zone: string, day: Day): ZonedHour[] {
  const [start, end] = [startOfDay(zone, day), startOfDay(zone, addDays(day, 1))];
  const offset = offsetAt(zone, start);
  if (end - start === 24 * HOUR && offsetAt(zone, end - 1) === offset) {
    return Array.from({ length: 24 }, (_, hour) => {
      return { hour, offset, start: start + hour * HOUR, end: start + (hour + 1) * HOUR };
    });
  }
  return movedHours(zone, start, end);
}

function movedHours(zone: string, start: number, end: number): ZonedHour[] {
  const hours: ZonedHour[] = [];
  for (let at = start; at < end; at += QUARTER) {
    const now = local(zone, at);
    const hour = new Date(now).getUTCHours();
    const offset = Math.round((now - at) / MINUTE);
    const last = hours.at(-1);
    if (last && last.hour === hour && last.offset === offset) last.end = at + QUARTER;
    else hours.push({ hour, offset, start: at, end: at + QUARTER });
  }
  return hours;
}

/** The local hour a moment belongs to. */
export function hourAt(zone: string, at: number): { day: Day; hour: number; offset: number } {
  const now = local(zone, at);
  return { day: dayAt(zone, at), hour: new Date(now).getUTCHours(), offset: offsetAt(zone, at) };
}

/** Reads `2026-11-25T10:00:00+05:30`, as the server names its buckets. */
export function parseLocal(text: string): { day: string; hour: number; offset: number } | null {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d):\d\d:\d\d(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text);
  if (!match) return null;
  const [, day = "", hour, sign, hours = "0", minutes = "0"] = match;
  const offset = Number(hours) * 60 + Number(minutes);
  return { day, hour: Number(hour), offset: sign === "-" ? -offset : offset };
}
