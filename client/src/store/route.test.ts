import { expect, test } from "vitest";
import { hrefOf, parseRoute, type Route } from "./route.ts";

test.each<Route>([
  { view: "live" },
  { view: "sessions" },
  { view: "activity" },
  { view: "admin" },
  { view: "session", source: "my laptop/2", id: "a%b#c" },
])("the address of %o leads back to it", (route) => {
  expect(parseRoute(hrefOf(route))).toEqual(route);
});

test.each(["", "#", "#token=x", "#/nowhere", "#/sessions/%E0%A4%A/x"])("%s shows something", (hash) => {
  expect(["live", "sessions"]).toContain(parseRoute(hash).view);
});
