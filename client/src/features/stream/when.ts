import { dayAndTime, timeOfDay } from "../../lib/format.ts";

let [dayStart, nextDay] = [0, 0];

/** The time of an event in a row: the clock for today's, with the day for earlier ones. */
export function when(at: number): string {
  const now = Date.now();
  if (now >= nextDay) {
    const midnight = new Date(now);
    dayStart = midnight.setHours(0, 0, 0, 0);
    nextDay = midnight.setDate(midnight.getDate() + 1);
  }
  return at >= dayStart && at < nextDay ? timeOfDay(at) : dayAndTime(at);
}
