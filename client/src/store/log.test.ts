import { describe, expect, test } from "vitest";
import type { StreamEvent } from "../protocol/decode.ts";
import { EVERYTHING } from "../protocol/filter.ts";
import { EventLog } from "./log.ts";

const event = (at: number, fields: Partial<StreamEvent> = {}): StreamEvent => ({
  id: `evt_${String(at).padStart(6, "0")}`,
  source: at % 2 ? "odd" : "even",
  at,
  type: "tool",
  session: "s",
  project: null,
  tool: "Read",
  state: "started",
  context: null,
  success: null,
  durationMs: null,
  agentId: null,
  agentType: null,
  category: null,
  ...fields,
});
const events = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => event(from + index));
const times = (log: EventLog) => log.shown.map(({ at }) => at);
const odd = { ...EVERYTHING, source: "odd" };

test("an event that comes twice is shown once", () => {
  const log = new EventLog();
  expect(log.receive([event(1), event(2), event(1)], true)).toHaveLength(2);
  expect(log.receive([event(2), event(3)], true)).toHaveLength(1);
  expect(times(log)).toEqual([1, 2, 3]);
});

test("a late event goes to its place", () => {
  const log = new EventLog();
  log.receive([event(1), event(5)], true);
  log.receive([event(3)], true);
  expect(times(log)).toEqual([1, 3, 5]);
});

test("the page of the server and what came since make one list", () => {
  const log = new EventLog();
  log.receive(events(8, 12), true);
  log.reload(events(5, 10), events(8, 12), true);
  expect(times(log)).toEqual([5, 6, 7, 8, 9, 10, 11]);
});

describe("memory is bounded", () => {
  test("while following, the earliest go and can be paged in again", () => {
    const log = new EventLog(10);
    log.prepend(events(0, 2), null);
    expect(log.older.kind).toBe("end");
    for (let at = 2; at < 50; at++) log.receive([event(at)], true);
    expect(times(log)).toEqual(events(40, 50).map(({ at }) => at));
    expect(log.older).toEqual({ kind: "moment", before: 41 });
  });

  test("while reading, nothing is taken away, and the newest are given up instead", () => {
    const log = new EventLog(10);
    log.receive(events(0, 8), true);
    log.receive(events(8, 20), false);
    expect(times(log)).toEqual(events(0, 10).map(({ at }) => at));
    expect(log.attached).toBe(false);
    log.receive([event(20)], false);
    log.showRecent();
    expect([log.attached, ...times(log)]).toEqual([true, ...events(11, 21).map(({ at }) => at)]);
  });

  test("paging far into the past gives up the newest, and paging back attaches again", () => {
    const log = new EventLog(10);
    log.receive(events(20, 30), true);
    log.prepend(events(12, 20), "c");
    expect(times(log)).toEqual(events(12, 22).map(({ at }) => at));
    expect(log.attached).toBe(false);
    log.append(events(21, 26), true);
    expect(log.attached).toBe(true);
    expect(times(log)).toEqual(events(20, 30).map(({ at }) => at));
  });
});

test("a page that was asked for when nothing was there keeps its order among what came meanwhile", () => {
  const log = new EventLog();
  log.receive(events(3, 6), true);
  log.receive(events(8, 10), true);
  log.prepend(events(0, 9), null);
  expect(times(log)).toEqual(events(0, 10).map(({ at }) => at));
});

describe("a filter", () => {
  test("applies to what is there, to what comes and to pages", () => {
    const log = new EventLog();
    log.receive(events(10, 14), true);
    log.setFilter(odd);
    log.receive(events(14, 16), true);
    log.prepend(events(6, 10), "c");
    expect(times(log)).toEqual([7, 9, 11, 13, 15]);
  });

  test("that is taken away again leaves no hole", () => {
    const log = new EventLog();
    log.receive(events(10, 14), true);
    log.setFilter(odd);
    log.prepend([event(1)], null);
    log.setFilter(EVERYTHING);
    expect(times(log)).toEqual([10, 11, 12, 13]);
    expect(log.older).toEqual({ kind: "moment", before: 11 });
  });

  test("on a range of the past pages from its end", () => {
    const log = new EventLog();
    log.receive(events(100, 110), true);
    log.setFilter({ ...EVERYTHING, from: 5, to: 20 });
    expect([times(log), log.older]).toEqual([[], { kind: "moment", before: 20 }]);
  });
});

test("a search narrows what is there and what comes, and follows the cuts", () => {
  const log = new EventLog(10);
  log.receive(events(0, 10), true);
  log.setText(" ODD ");
  expect(times(log)).toEqual([1, 3, 5, 7, 9]);
  log.receive(events(10, 14), true);
  expect(times(log)).toEqual([5, 7, 9, 11, 13]);
  log.setText("");
  expect(log.shown).toHaveLength(10);
});

test("after a hole, somebody who reads the past keeps it until the way to the present is walked", () => {
  const log = new EventLog();
  log.receive(events(0, 5), true);
  log.reload(events(50, 55), [], false);
  expect(times(log)).toEqual([0, 1, 2, 3, 4]);
  expect(log.attached).toBe(false);
  log.append(events(5, 50), true);
  expect(log.shown).toHaveLength(55);
});
