import { expect, test } from "vitest";
import { ApiError } from "../../api/http.ts";
import { sentenceOf } from "./problem.ts";

test("every error is one whole sentence", () => {
  expect(sentenceOf(new ApiError(409, "a source of this name exists"))).toBe("A source of this name exists.");
  expect(sentenceOf(new ApiError(400, "Give it a name."))).toBe("Give it a name.");
  expect(sentenceOf(new DOMException("", "TimeoutError"))).toBe("The server did not answer in time.");
  expect(sentenceOf(new TypeError("Failed to fetch"))).toBe("The server cannot be reached.");
});
