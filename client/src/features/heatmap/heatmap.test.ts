import { expect, test } from "vitest";
import { gridOf } from "./cells.ts";
import { cellCounts, heat } from "./merge.ts";
import { countsQuery, daysOf, latestHour } from "./range.ts";

const meta = { timeZone: "", from: "", to: "", totalCount: 0, fetchedAt: "" };
const counted = (counts: [start: string, eventCount: number][]) => ({
  answer: { counts: counts.map(([start, eventCount]) => ({ start, eventCount })), meta },
  before: new Map<string, number>(),
});

test("the range is whole days of the person's zone", () => {
  const query = countsQuery("week", "Asia/Kolkata", Date.UTC(2026, 10, 25, 20), "a");
  expect(query).toEqual({
    from: "2026-11-19T18:30:00.000Z",
    to: "2026-11-26T18:30:00.000Z",
    tz: "Asia/Kolkata",
    by: "hour",
    source: "a",
  });
});

test("a year with a summer and a winter fits into what the server allows", () => {
  for (const zone of ["Europe/Berlin", "Pacific/Auckland"]) {
    const { from, to } = countsQuery("year", zone, Date.UTC(2026, 10, 25), null);
    expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual((366 * 24 + 1) * 3_600_000);
  }
});

test("live events are added to their hour, without those the server has counted", () => {
  const zone = "Asia/Kolkata";
  const start = Date.UTC(2026, 10, 25, 4, 45); // 10:15 on the clock
  const answer = { ...counted([["2026-11-25T10:00:00+05:30", 5]]), before: new Map([[`${start} a`, 2]]) };
  const live = new Map([
    [`${start} a`, { start, source: "a", count: 3 }],
    [`${start} b`, { start, source: "b", count: 10 }],
  ]);
  expect([...cellCounts("week", zone, answer, live, "a")]).toEqual([["2026-11-25 10 330", 6]]);
  expect([...cellCounts("week", zone, answer, live, null)]).toEqual([["2026-11-25 10 330", 16]]);
  expect([...cellCounts("week", zone, { ...answer, before: null }, live, null)]).toEqual([
    ["2026-11-25 10 330", 5],
  ]);
  expect([...cellCounts("year", zone, undefined, live, "a")]).toEqual([["2026-11-25", 3]]);
  expect([...cellCounts("hours", zone, undefined, live, "b")]).toEqual([["3 10", 10]]);
});

test("every event of the range is in exactly one cell, also where the clock is moved", () => {
  const zone = "Europe/Berlin";
  const now = Date.UTC(2026, 9, 28, 12);
  const counts = cellCounts(
    "week",
    zone,
    counted([
      ["2026-10-25T02:00:00+02:00", 3],
      ["2026-10-25T02:00:00+01:00", 4],
      ["2026-10-28T13:00:00+01:00", 5],
    ]),
    new Map(),
    null,
  );
  const grid = gridOf("week", daysOf("week", zone, now), zone, now, counts);
  expect([grid.total, grid.most]).toEqual([12, 5]);
  const twice = grid.rows.flatMap(({ columns }) => columns).filter((cells) => cells.length === 2);
  expect(twice.map((cells) => cells.map(({ count }) => count))).toEqual([[3, 4]]);
  expect(twice[0]?.map(({ name }) => /UTC\+0[12]:00/.exec(name)?.[0])).toEqual(["UTC+02:00", "UTC+01:00"]);
});

test("an hour that the clock jumps over has no cell", () => {
  const now = Date.UTC(2026, 2, 30, 12);
  const grid = gridOf("week", daysOf("week", "Europe/Berlin", now), "Europe/Berlin", now, new Map());
  expect(grid.rows.at(-2)?.columns[2]).toEqual([]);
});

test("a year has each of its days once", () => {
  const now = Date.UTC(2026, 10, 25, 12);
  const grid = gridOf("year", daysOf("year", "UTC", now), "UTC", now, new Map([["2026-11-25", 7]]));
  const keys = grid.rows.flatMap(({ columns }) => columns.flat().map(({ key }) => key));
  expect([keys.length, new Set(keys).size, grid.total]).toEqual([365, 365, 7]);
});

test("an hour of the week leads to its latest one that has begun", () => {
  const now = Date.UTC(2026, 10, 25, 10, 30); // a Wednesday
  expect(latestHour("UTC", now, 3, 10)?.start).toBe(Date.UTC(2026, 10, 25, 10));
  expect(latestHour("UTC", now, 3, 11)?.start).toBe(Date.UTC(2026, 10, 18, 11));
});

test("any event at all has a colour, and the busiest hour the strongest", () => {
  expect([heat(0, 1000), heat(1, 1_000_000), heat(1000, 1000), heat(5, 0)]).toEqual([0, 1, 4, 4]);
});
