import { ago, ahead } from "../../lib/format.ts";

/** How exactly a moment is known; one known to the minute is given as the minute's beginning. */
export type Grain = "second" | "minute";

const MINUTE = 60_000;

/** A moment as seen from now; what is known to the minute is said no more exactly. */
export function sayMoment(at: number, now: number, grain: Grain): string {
  if (at > now) return ahead(at - now);
  const passed = now - at;
  return grain === "minute" && passed < 2 * MINUTE ? "just now" : ago(passed);
}
