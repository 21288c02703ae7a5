import { expect, test } from "vitest";
import type { StreamEvent } from "../../protocol/decode.ts";
import { timeScale } from "./scale.ts";
import { readLanes, readSpans } from "./spans.ts";

let id = 0;
const tool = (at: number, state: string, fields: Partial<StreamEvent> = {}): StreamEvent => ({
  id: `evt_${id++}`,
  source: "s",
  at,
  type: "tool",
  session: "s",
  project: null,
  tool: "Read",
  state,
  context: null,
  success: null,
  durationMs: null,
  agentId: null,
  agentType: null,
  category: null,
  ...fields,
});

test("a result finds its own call by the time it took", () => {
  const { spans } = readSpans([
    tool(1000, "started", { context: "a.rs" }),
    tool(1500, "started", { context: "b.rs" }),
    tool(2000, "completed", { durationMs: 500, success: false }),
    tool(3000, "completed", { durationMs: 2000, success: true }),
  ]);
  expect(spans.map(({ start, end, context, outcome }) => [start, end, context, outcome])).toEqual([
    [1000, 3000, "a.rs", "ok"],
    [1500, 2000, "b.rs", "failed"],
  ]);
});

test("a call without result stays open, a result without call has its length", () => {
  const { spans } = readSpans([tool(5000, "completed", { durationMs: 700 }), tool(6000, "started")]);
  expect(spans.map(({ start, end, outcome }) => [start, end, outcome])).toEqual([
    [4300, 5000, "ok"],
    [6000, 6000, "open"],
  ]);
});

test("calls at the same time stand on lines of their own, and a free line is used again", () => {
  const call = (start: number, end: number, agentId: string | null = null) =>
    tool(end, "completed", { durationMs: end - start, agentId });
  const { spans } = readSpans([call(0, 100), call(50, 80), call(90, 120), call(10, 20, "a1")]);
  const lanes = readLanes(spans);
  expect(lanes.map(({ agentId, lines }) => [agentId, lines])).toEqual([
    [null, 2],
    ["a1", 1],
  ]);
  expect(lanes[0]?.spans.map(({ line }) => line)).toEqual([0, 1, 1]);
});

test("hours of silence take little room and order is kept", () => {
  const hour = 3_600_000;
  const { spans } = readSpans([
    tool(10_000, "completed", { durationMs: 10_000 }),
    tool(5 * hour + 30_000, "completed", { durationMs: 30_000 }),
  ]);
  const { place, gaps, labels } = timeScale(spans, [], 0.1);
  expect(gaps).toHaveLength(1);
  expect(place(5 * hour) - place(10_000)).toBeCloseTo(0.012);
  expect(place(10_000)).toBeCloseTo(0.247, 2);
  expect([place(0), place(5 * hour + 30_000)]).toEqual([0, 1]);
  expect(labels.map(({ at }) => at)).toEqual([0, 5 * hour]);
});

test("a session of one moment has a scale", () => {
  const { spans } = readSpans([tool(1000, "started")]);
  expect(timeScale(spans, [], 0.1).place(1000)).toBe(0);
});
