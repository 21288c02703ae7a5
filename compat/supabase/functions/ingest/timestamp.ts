// A moment with microseconds, as every store keeps it.

const SHAPE = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** The last millisecond of the year 9999. */
const LAST_MS = 253_402_300_799_999;

/**
 * Reads `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm)` and nothing else, for a date that exists in the years 1970 to
 * 9999. The answer is in UTC, with milliseconds, or with microseconds where they are needed; digits below are
 * cut off, where the database would round.
 */
export function canonicalTimestamp(text: string): string | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = offsetMinutes(match[8], Number(match[9] ?? 0), Number(match[10] ?? 0));
  if (hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
  const fraction = (match[7] ?? "").padEnd(6, "0");
  date.setUTCHours(hour, minute - offset, second, Number(fraction.slice(0, 3)));
  const moment = date.getTime();
  if (moment < 0 || moment > LAST_MS) return undefined;
  const micros = fraction.slice(3, 6);
  return date.toISOString().replace("Z", micros === "000" ? "Z" : `${micros}Z`);
}

function offsetMinutes(sign: string | undefined, hours: number, minutes: number): number | undefined {
  if (hours > 23 || minutes > 59) return undefined;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
}
