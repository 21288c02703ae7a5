import { expect, test } from "vitest";
import { commands } from "./commands.ts";

test.each([
  ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
  ["https://tea.example/base/", "https://tea.example/base"],
  ["https://tea.example/base/index.html#/live", "https://tea.example/base"],
])("a page at %s sends monitors to %s", (base, url) => {
  expect(commands(base).elsewhere).toBe(`VIBETEA_SERVER_URL=${url} vibetea-monitor run`);
});
