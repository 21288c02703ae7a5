import { expect, test } from "vitest";
import { dayChart } from "./days.ts";
import { timesOf } from "./range.ts";

const NOW = Date.UTC(2026, 10, 25, 12);

test("what is filtered goes before the chosen range", () => {
  expect(timesOf("week", { from: null, to: null }, "UTC", NOW)).toEqual({
    from: "2026-11-19T00:00:00.000Z",
    to: "2026-11-26T00:00:00.000Z",
  });
  expect(timesOf("week", { from: NOW - 1000, to: NOW }, "UTC", NOW).from).toBe("2026-11-25T11:59:59.000Z");
});

test("a range is never longer than the server allows", () => {
  const { from, to } = timesOf("year", { from: 0, to: null }, "UTC", NOW);
  expect(Date.parse(to) - Date.parse(from)).toBe(366 * 24 * 3_600_000);
});

test("days are stacked by source, quiet days are there, small sources are one", () => {
  const counts = ["a", "b", "c", "d", "e", "f", "g"].map((source, index) => ({
    start: "2026-11-24T00:00:00+00:00",
    source,
    eventCount: 100 - index,
  }));
  const { sources, columns, ticks } = dayChart(counts, Date.UTC(2026, 10, 23), Date.UTC(2026, 10, 26), "UTC");
  expect(sources).toEqual(["a", "b", "c", "d", "e", "others"]);
  expect(columns.map(({ key, total }) => [key, total])).toEqual([
    ["2026-11-23", 0],
    ["2026-11-24", 679],
    ["2026-11-25", 0],
  ]);
  const parts = columns[1]?.parts ?? [];
  expect(parts.at(-1)?.count).toBe(94 + 95);
  expect(parts.every(({ from }, index) => from === (parts[index - 1]?.to ?? 0))).toBe(true);
  expect(ticks[0]).toEqual({ value: 0, place: 0 });
});

test("no event at all is an empty chart, not a broken one", () => {
  const { sources, columns } = dayChart([], Date.UTC(2026, 10, 25), Date.UTC(2026, 10, 26), "UTC");
  expect([sources, columns.map(({ total }) => total)]).toEqual([[], [0]]);
});
