import { expect, test } from "vitest";
import { sayScope } from "./say.ts";

test("only a page that shows less than everything says what", () => {
  expect(sayScope(null)).toBeNull();
  expect(sayScope([])).toBe("No source");
  expect(sayScope(["laptop", "desk"])).toBe("Only laptop, desk");
});
