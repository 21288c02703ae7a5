import { expect, test } from "vitest";
import { compareEvents, decodeEvent, decodeFrame } from "./decode.ts";

const wire = {
  id: "evt_abcdefghij0123456789",
  source: "laptop",
  timestamp: "2026-11-25T10:00:00.250Z",
  type: "tool",
  payload: { sessionId: "s1", tool: "Read", status: "completed", success: true, durationMs: 12 },
};

test("an event becomes flat", () => {
  expect(decodeEvent(wire)).toMatchObject({
    at: Date.UTC(2026, 10, 25, 10, 0, 0, 250),
    session: "s1",
    tool: "Read",
    state: "completed",
    success: true,
    durationMs: 12,
    project: null,
  });
});

test("a payload of another monitor, with fields of the wrong kind, is read as far as it goes", () => {
  const event = decodeEvent({ ...wire, payload: { type: "tool", tool: 7, durationMs: "12" } });
  expect(event).toMatchObject({ session: "", tool: null, durationMs: null });
});

test.each([
  ["no JSON", "{"],
  ["an unknown type", JSON.stringify({ ...wire, type: "weather" })],
  ["no time", JSON.stringify({ ...wire, timestamp: "yesterday" })],
  ["no payload", JSON.stringify({ ...wire, payload: null })],
  ["a list", "[]"],
])("a frame with %s is bad and does not throw", (_, data) => {
  expect(decodeFrame(data)).toEqual({ kind: "bad" });
});

test("the control frame is known", () => {
  expect(decodeFrame('{"control":"reset"}')).toEqual({ kind: "reset" });
});

test("events of one moment are ordered by id", () => {
  const [a, b] = ["evt_b", "evt_a"].map((id) => decodeEvent({ ...wire, id }));
  if (!a || !b) throw new Error("they are events");
  expect([a, b].sort(compareEvents).map((event) => event.id)).toEqual(["evt_a", "evt_b"]);
});
