import { expect, test } from "vitest";
import type { RegisteredSource } from "../../protocol/generated.ts";
import { sayKey, sorted, stateOf } from "./sources.ts";

const NOW = Date.UTC(2026, 10, 29, 12);
const before = (ms: number) => new Date(NOW - ms).toISOString();

const source = (fields: Partial<RegisteredSource> = {}): RegisteredSource => ({
  name: "laptop",
  configured: false,
  keys: [],
  revoked: null,
  lastSeen: null,
  lastEvent: null,
  version: null,
  ...fields,
});

test("a source is what its last request says, and revoked whatever came before", () => {
  expect(stateOf(source(), NOW)).toBe("new");
  expect(stateOf(source({ lastSeen: before(299_000) }), NOW)).toBe("active");
  expect(stateOf(source({ lastSeen: before(300_000) }), NOW)).toBe("quiet");
  expect(stateOf(source({ lastSeen: before(0), revoked: before(0) }), NOW)).toBe("revoked");
});

test("revoked sources stand apart, each list in the server's order", () => {
  const all = [source({ name: "a" }), source({ name: "b", revoked: before(1) }), source({ name: "c" })];
  const { sending, revoked } = sorted(all);
  expect([sending, revoked].map((list) => list.map(({ name }) => name))).toEqual([["a", "c"], ["b"]]);
});

test("a key says when it came and when it ends", () => {
  const key = { fingerprint: "0123456789abcdef", added: before(0), expires: null };
  expect(sayKey({ ...key, added: null }, NOW)).toBe("in the configuration");
  expect(sayKey(key, NOW)).toMatch(/^added .*2026$/);
  expect(sayKey({ ...key, expires: before(-7_200_000) }, NOW)).toMatch(/, ends in 2 h$/);
  expect(sayKey({ ...key, expires: before(60_000) }, NOW)).toMatch(/, ended 1 min ago$/);
});
