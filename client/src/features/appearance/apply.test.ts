import { expect, test } from "vitest";
import { attributes } from "./apply.ts";

test("what the system wants holds unless something was chosen", () => {
  expect(attributes("system", "system", false)).toEqual({ theme: null, contrast: null });
  expect(attributes("dark", "system", true)).toEqual({ theme: "dark", contrast: "more" });
  expect(attributes("light", "more", false)).toEqual({ theme: "light", contrast: "more" });
});
