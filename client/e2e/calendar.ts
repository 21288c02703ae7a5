/** Counts by cell of the heatmap as the system's own calendar has them, with nothing of the page's. */

const DAY_MS = 86_400_000;

/** How the cells of a view are made: hours of days, days, or hours of the week. */
export type Cut = "hour" | "day" | "hourOfWeek";

interface Formats {
  day: Intl.DateTimeFormat;
  hour: Intl.DateTimeFormat;
}

const made = new Map<string, Formats>();

function formats(timeZone: string): Formats {
  const known = made.get(timeZone) ?? {
    day: new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }),
    hour: new Intl.DateTimeFormat("en-GB", {
      timeZone,
      hour: "2-digit",
      hourCycle: "h23",
      timeZoneName: "longOffset",
    }),
  };
  made.set(timeZone, known);
  return known;
}

/** The day of a moment, `2026-11-25`. */
const dayOf = (zone: string, at: number): string => formats(zone).day.format(at);

function cellOf(zone: string, at: number, by: Cut): string {
  const day = dayOf(zone, at);
  if (by === "day") return day;
  const parts = formats(zone).hour.formatToParts(at);
  const named = new Map(parts.map(({ type, value }) => [type, value]));
  const hour = Number(named.get("hour"));
  if (by === "hourOfWeek") return `${new Date(`${day}T00:00Z`).getUTCDay() || 7} ${hour}`;
  const [, sign = "+", hours = "0", minutes = "0"] =
    /GMT([+-])(\d\d):(\d\d)/.exec(named.get("timeZoneName") ?? "") ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return `${day} ${hour} ${offset}`;
}

/** The cells that hold something, with what they hold of the events since the beginning of a day. */
export function expected(
  zone: string,
  times: readonly number[],
  by: Cut,
  firstDay: string,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const at of times) {
    if (dayOf(zone, at) < firstDay) continue;
    const key = cellOf(zone, at, by);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map([...counts].sort());
}

/** The first of so many days that end with today. */
export const daysBack = (zone: string, days: number, now: number): string =>
  new Date(Date.parse(`${dayOf(zone, now)}T00:00Z`) - (days - 1) * DAY_MS).toISOString().slice(0, 10);

/** The latest moments at which Central Europe's clocks were moved: on the last Sunday of March and of October, at one o'clock UTC. */
export function clockChanges(now: number): number[] {
  return [2, 9].map((month) => {
    const ofYear = (year: number) => {
      const last = Date.UTC(year, month, 31, 1);
      return last - new Date(last).getUTCDay() * DAY_MS;
    };
    const year = new Date(now).getUTCFullYear();
    return ofYear(year) < now ? ofYear(year) : ofYear(year - 1);
  });
}

/** A zone where it is about noon, so that no day begins while a test runs. */
export function zoneAtNoon(): string {
  const ahead = 12 - new Date().getUTCHours();
  // these zones are named by what is added to the local time
  return ahead === 0 ? "Etc/GMT" : `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}
