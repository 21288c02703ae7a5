// The walk over JSON text, held to the language's own parser.

import assert from "node:assert/strict";
import { JsonError, Scanner, unquoted } from "../_shared/json.ts";

/** Whether the scanner takes the text for one JSON value; `"early"` where it only ends too early. */
function verdict(text: string): true | false | "early" {
  try {
    const scanner = new Scanner(text);
    scanner.value();
    scanner.end();
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    return error.early ? "early" : false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const SEEDS = [
  '[{"id":"evt_1","payload":{"a":[1,-0.5e+10,true,null,"\\u00e9\\ud83d\\ude00\\"\\\\"],"b":{}}},[],""]',
  '{"a":{"b":{"c":[[[]]]}},"d":"\u{1f375} tea","e":[0,1e5,1E-5,0.0,false]}',
  ' \t\r\n [ 1 , 2 , { "x" : [ ] } ] ',
];

Deno.test("exactly the language's JSON is taken, in texts with one and two random changes", () => {
  const pieces = [
    "",
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "1",
    "-",
    ".",
    "e",
    "u",
    "n",
    " ",
    "\n",
    "\0",
    "é",
  ];
  const random = generator(7);
  let taken = 0;
  for (let round = 0; round < 60_000; round += 1) {
    let text = SEEDS[round % SEEDS.length] ?? "";
    for (let change = 0; change <= round % 2; change += 1) {
      const at = random(text.length + 1);
      text = text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(3));
    }
    assert.equal(verdict(text) === true, isJson(text), JSON.stringify(text));
    if (isJson(text)) taken += 1;
  }
  assert.ok(taken > 2000 && taken < 50_000, `${taken} of the texts are JSON`);
});

Deno.test("every beginning of a text ends too early, unless it is broken before", () => {
  for (const seed of SEEDS.slice(0, 2)) {
    for (let length = 0; length < seed.length; length += 1) {
      const text = seed.slice(0, length);
      // a number that stops within itself is taken for a broken one
      const expected = /-$|\d\.$|\d[eE][+-]?$/.test(text.replace(/"(?:[^"\\]|\\.)*"?/g, "s"))
        ? false
        : "early";
      assert.equal(verdict(text), expected, text);
    }
  }
  for (
    const text of ["[1}", '{"a" 1', "[1 2", '{"a":1,}', "[,", "nul1", '["\\x', '"\n', '"\\ud8', "[01", "1 2"]
  ) {
    assert.equal(verdict(text), text === '"\\ud8' ? "early" : false, text);
  }
});

Deno.test("a storable string has whole surrogate pairs alone", () => {
  const strict = (text: string) => {
    try {
      new Scanner(text).string("storable");
      return true;
    } catch (error) {
      return error instanceof JsonError && error.early ? "early" : false;
    }
  };
  for (const text of ['"\\ud83d\\ude00"', '"\\ud7ff\\ue000"', '"a\\\\ud83d"', '"\\uD83D\\uDE00x"']) {
    assert.equal(strict(text), true, text);
    assert.notEqual(unquoted(text), undefined, text);
  }
  for (const text of ['"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\n"', '"\\ud83d\\ud83d\\ude00"']) {
    assert.equal(strict(text), false, text);
    assert.equal(unquoted(text), undefined, text);
  }
  assert.equal(strict('"\\ud83d'), "early");
  assert.equal(strict('"\\ud83d\\'), "early");
});

Deno.test("values are handed out as they are written, however deep and long", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const long = `{"n":${"1".repeat(1_000_000)},"s":"${"\\n".repeat(500_000)}"}`;
  for (const text of [deep, long, '{ "a" : 1.50 }', "12345678901234567890"]) {
    const scanner = new Scanner(` ${text} `);
    assert.equal(scanner.value(), text);
    scanner.end();
  }
});

/** Numbers below a bound, the same in every run. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
}
