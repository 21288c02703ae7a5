import { expect, test } from "vitest";
import type { RegisteredKey, RegisteredSource } from "../../protocol/generated.ts";
import { hasJoined, invitation, timeLeft } from "./enrolment.ts";

const ENROLMENT = { source: "laptop", code: "ABCD-EFGH", command: "…", expiresInSeconds: 900 };

const key = (fingerprint: string, added = "2026-11-29T12:00:00Z"): RegisteredKey => ({
  fingerprint,
  added,
  expires: null,
});
const source = (keys: RegisteredKey[], revoked: string | null = null): RegisteredSource => ({
  name: "laptop",
  configured: false,
  keys,
  revoked,
  lastSeen: null,
  lastEvent: null,
  version: null,
});
const joined = (before: RegisteredSource[], after: RegisteredSource[]) =>
  hasJoined(invitation(ENROLMENT, before, 0), after);

test("a machine has joined when its source is there, and no other", () => {
  expect(joined([], [])).toBe(false);
  expect(joined([], [{ ...source([key("a")]), name: "desk" }])).toBe(false);
  expect(joined([], [source([key("a")])])).toBe(true);
});

test("a source that was there has joined again with another key, or with the same one registered anew", () => {
  const there = [source([key("a")])];
  expect(joined(there, there)).toBe(false);
  expect(joined(there, [source([key("a"), key("b")])])).toBe(true);
  expect(joined(there, [source([key("a", "2026-11-29T13:00:00Z")])])).toBe(true);
});

test("a revoked source has joined when it may send again", () => {
  const revoked = [source([], "2026-11-29T12:00:00Z")];
  expect(joined(revoked, revoked)).toBe(false);
  expect(joined(revoked, [source([key("a")])])).toBe(true);
});

test("the time of a code is counted down to its end", () => {
  const { until } = invitation(ENROLMENT, [], 5000);
  expect([5000, 5001, 904_001, 905_000].map((now) => timeLeft(until, now))).toEqual([
    "15:00",
    "15:00",
    "0:01",
    null,
  ]);
});
