const numbers = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** A whole number with its separators. */
export const count = (value: number): string => numbers.format(value);

/** A number short enough for a narrow place. */
export const short = (value: number): string =>
  value < 10_000 ? numbers.format(value) : compact.format(value);

/** A number with its noun: `1 event`, `2 events`. */
export const plural = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A share from 0 to 1; one that only rounds to everything is not called everything. */
export function percent(share: number): string {
  return share < 1 && share > 0.999 ? percents.format(0.999) : percents.format(share);
}

/** A length of time in its two largest units. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${days} d ${hours % 24} h`;
}

/** How long ago a moment is, in one unit. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** How far ahead a moment is, in one unit; never more than is left. */
export function ahead(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `in ${seconds} s`;
  if (seconds < 3600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${Math.floor(seconds / 86_400)} d`;
}

/** The first part of a long id, enough to tell sessions apart at a glance. */
export const shortId = (id: string): string => (id.length > 12 ? id.slice(0, 8) : id);

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** `14:03:59`, in the person's own zone. */
export const timeOfDay = (at: number): string => clock.format(at);
/** `25 Nov, 14:03`. */
export const dayAndTime = (at: number): string => dayAndClock.format(at);
/** `25 Nov 2026`. */
export const dayOf = (at: number): string => date.format(at);
/** The whole moment in words. */
export const fullTime = (at: number): string => full.format(at);
