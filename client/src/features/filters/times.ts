const HOUR = 3_600_000;

/** Ranges of time that people ask for, in words. */
export const TIMES = [
  ["any", "Any time"],
  ["hour", "Last hour"],
  ["day", "Last 24 hours"],
  ["week", "Last 7 days"],
  ["month", "Last 30 days"],
] as const;

export type TimeName = (typeof TIMES)[number][0];

const LENGTHS: Record<Exclude<TimeName, "any">, number> = {
  hour: HOUR,
  day: 24 * HOUR,
  week: 7 * 24 * HOUR,
  month: 30 * 24 * HOUR,
};

/** The range a name stands for, at this moment. It is open at its end, so that what comes live is in it. */
export function rangeOf(name: TimeName, now: number): { from: number | null; to: number | null } {
  return { from: name === "any" ? null : now - LENGTHS[name], to: null };
}
