import { expect, test } from "vitest";
import { sayMoment } from "./moment.ts";

test.each([
  [0, 23_000, "second", "23 s ago"],
  [0, 23_000, "minute", "just now"],
  [0, 120_000, "minute", "2 min ago"],
  [90_000, 0, "second", "in 1 min"],
] as const)("the moment %i, looked at from %i and known to the %s, is %s", (at, now, grain, said) => {
  expect(sayMoment(at, now, grain)).toBe(said);
});
