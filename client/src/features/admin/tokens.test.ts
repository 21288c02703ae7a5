import { expect, test } from "vitest";
import { EMPTY_DRAFT, hasEnded, lackOf, requestOf, sayScope, signInAddress, toggled } from "./tokens.ts";

test("a token is asked for as the server reads it", () => {
  const draft = { ...EMPTY_DRAFT, name: " anna " };
  expect(requestOf(draft)).toEqual({ name: "anna", admin: false, expiresInDays: 90 });
  expect(requestOf({ ...draft, sources: ["laptop"], lifetime: "never" })).toEqual({
    name: "anna",
    admin: false,
    sources: ["laptop"],
  });
});

test("an admin token is never asked for with sources", () => {
  expect(requestOf({ ...EMPTY_DRAFT, name: "anna", admin: true, sources: ["laptop"] })).toEqual({
    name: "anna",
    admin: true,
    expiresInDays: 90,
  });
});

test("what lacks is said before the server is asked", () => {
  expect(lackOf({ ...EMPTY_DRAFT, name: "  " })).toMatch(/name/);
  expect(lackOf({ ...EMPTY_DRAFT, name: "anna", sources: [] })).toMatch(/source/);
  expect(lackOf({ ...EMPTY_DRAFT, name: "anna", sources: [], admin: true })).toBeNull();
  expect(lackOf({ ...EMPTY_DRAFT, name: "anna" })).toBeNull();
});

test("a source is chosen and given up", () => {
  expect(toggled(["a"], "b")).toEqual(["a", "b"]);
  expect(toggled(["a", "b"], "a")).toEqual(["b"]);
});

test("a token that shows nothing is not said to show everything", () => {
  expect([null, [], ["a", "b"]].map((sources) => sayScope({ sources }))).toEqual([
    "All sources",
    "No source",
    "a, b",
  ]);
});

test("a token ends at its moment", () => {
  const expires = "2026-11-29T12:00:00Z";
  const end = Date.parse(expires);
  expect([hasEnded({ expires }, end - 1), hasEnded({ expires }, end)]).toEqual([false, true]);
  expect(hasEnded({ expires: null }, end)).toBe(false);
});

test("the address that signs in keeps the path, and the token behind the #", () => {
  expect(signInAddress("https://tea.example/base/index.html#/admin", "vt_a+b")).toBe(
    "https://tea.example/base/#token=vt_a%2Bb",
  );
});
