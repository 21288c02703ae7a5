// How a body that cannot be read is refused.

import assert from "node:assert/strict";
import { Problem } from "../_shared/problem.ts";
import { parseBatch } from "../ingest/batch.ts";

function refusal(text: string): string {
  try {
    parseBatch(new TextEncoder().encode(text), "laptop");
    return "none";
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, "invalid_request", text);
    return error.message.replace("The request cannot be read: ", "");
  }
}

Deno.test("a body that only ends too early is told so", () => {
  for (
    const text of [
      "",
      " ",
      "[",
      "[{",
      "[1",
      "[1,",
      '{"id"',
      '{"id":',
      '{"id":"x"',
      '{"\\ud800',
      '["\\u12',
      "tru",
      '"x',
      "-",
      "1.",
      "-0.",
      "2e",
      "1.5E+",
    ]
  ) assert.equal(refusal(text), "the body is JSON that ends too early", text);
});

Deno.test("any other body is told what is allowed", () => {
  for (
    const text of [
      "5",
      "-1.5e3",
      "01.",
      "1. ",
      "true",
      "trux",
      '"x"',
      "[1.",
      "[-",
      "[1,]",
      "[}",
      "[] []",
      '{"\\ud800":1}',
      '[{"\\udc00":1}]',
      '[{"id":1,}]',
      "{,}",
      '["\\u1éx',
      "\ufeff[]",
    ]
  ) assert.equal(refusal(text), "the body is not a JSON array of events or one event object", text);
});
