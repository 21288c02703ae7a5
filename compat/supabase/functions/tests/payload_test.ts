import assert from "node:assert/strict";
import { exact, payloadFault } from "../ingest/payload.ts";

const UNSTORABLE = "it holds a string or number that cannot be stored";

Deno.test("numbers that a double or the database has no room for are refused", () => {
  for (
    const number of [
      "0",
      "-0.0",
      "1e308",
      "1.7976931348623157e308",
      "5e-324",
      "1e-400",
      "1e-16383",
      "0e16383",
      `0.${"0".repeat(16_000)}1`,
      `${"9".repeat(300)}.5`,
      `0.${"0".repeat(400)}1e600`,
    ]
  ) assert.equal(payloadFault(`{"n":${number}}`), undefined, number);
  for (
    const number of [
      "1e309",
      "-1e309",
      "9".repeat(310),
      "1e-16384",
      "0.1e-16383",
      "1e-999999999999",
      "0e16384",
      "0e999999999999",
      `0.${"0".repeat(10_000)}1e-7000`,
    ]
  ) {
    assert.equal(payloadFault(`{"n":${number}}`), UNSTORABLE, number);
    assert.equal(payloadFault(`{"n":[{"deep":${number}}]}`), UNSTORABLE, number);
  }
});

Deno.test("of several faults the first in the text is told", () => {
  const nul = '"\\u0000"';
  const half = '"\\ud800"';
  const deep = "[".repeat(16) + "]".repeat(16);
  for (
    const [payload, fault] of [
      [`{"a":${nul},"b":${half}}`, "it holds a NUL character"],
      [`{"a":${half},"b":${nul}}`, UNSTORABLE],
      [`{"a":"\\u0000\\ud800"}`, UNSTORABLE],
      [`{"a":1e400,"b":${deep}}`, UNSTORABLE],
      [`{"a":${deep},"b":1e400}`, "nested deeper than 16 levels"],
      [`{${nul}:${half}}`, "it holds a NUL character"],
      [`{"a":"\\\\u0000"}`, undefined],
      ["[]", "an object is required"],
      [`{"a":"${"é".repeat(8192)}"}`, "16392 bytes, at most 16384 are allowed"],
    ] as const
  ) assert.equal(payloadFault(payload), fault, payload);
});

Deno.test("a payload travels with its numbers as they are written", () => {
  const payload =
    '{"a":12345678901234567890,"b":[1.50,-0,1E+2],"__proto__":{"constructor":0.1},"\\u0041":"\\ud83c\\udf75"}';
  const expected =
    '{"a":12345678901234567890,"b":[1.50,-0,1E+2],"__proto__":{"constructor":0.1},"A":"\u{1f375}"}';
  assert.equal(JSON.stringify(exact(payload)), expected);
});
