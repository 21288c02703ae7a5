import { expect, test } from "vitest";
import { rangeOf } from "./times.ts";

test("a named range ends in the open, so that what comes is in it", () => {
  expect(rangeOf("hour", 7_200_000)).toEqual({ from: 3_600_000, to: null });
  expect(rangeOf("any", 7_200_000)).toEqual({ from: null, to: null });
});
