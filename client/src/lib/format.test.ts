import { expect, test } from "vitest";
import { ago, ahead, duration, percent, plural } from "./format.ts";

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1234, "1.2 s"],
  [59_949, "59.9 s"],
  [59_999, "1 min 0 s"],
  [3_599_600, "1 h 0 min"],
  [90_061_000, "1 d 1 h"],
])("%i ms reads %s", (ms, text) => expect(duration(ms)).toBe(text));

test("a share that is almost everything is not called everything", () => {
  expect([percent(1), percent(0.99999), percent(0.5)]).toEqual(["100%", "99.9%", "50%"]);
});

test("a moment ahead of the clock is just now", () => expect(ago(-5000)).toBe("just now"));

test.each([
  [-1, "in 0 s"],
  [59_999, "in 59 s"],
  [3_599_999, "in 59 min"],
  [47 * 3_600_000, "in 47 h"],
  [90 * 86_400_000 - 1, "in 89 d"],
])("%i ms ahead reads %s: nobody is promised more time than there is", (ms, text) =>
  expect(ahead(ms)).toBe(text),
);

test("one is singular", () =>
  expect([plural(1, "event"), plural(0, "event")]).toEqual(["1 event", "0 events"]));
