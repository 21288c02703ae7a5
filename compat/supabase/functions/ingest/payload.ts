// What a payload may be, and how it travels on to the database.

import { encodeUtf8 } from "../_shared/bytes.ts";
import { JsonError, Scanner } from "../_shared/json.ts";

/** Largest payload as JSON text, in bytes. */
const MAX_BYTES = 16 * 1024;
/** Deepest nesting; the payload object itself is level 1. */
const MAX_DEPTH = 16;
/** Most decimal places of the database's numbers, and the largest exponent that is written. */
const MAX_PLACES = 16_383;

/** Says what is wrong with a payload, given as JSON text; `undefined` where every store can hold it. */
export function payloadFault(text: string): string | undefined {
  const bytes = encodeUtf8(text).length;
  if (bytes > MAX_BYTES) return `${bytes} bytes, at most ${MAX_BYTES} are allowed`;
  if (!text.startsWith("{")) return "an object is required";
  try {
    walk(new Scanner(text), 1);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    if (error instanceof JsonError) return "it holds a string or number that cannot be stored";
    throw error;
  }
}

class Fault extends Error {}

function walk(scanner: Scanner, depth: number): void {
  const first = scanner.space();
  const isObject = first === 0x7b;
  if (!isObject && first !== 0x5b) {
    scalar(scanner.scalar("storable"));
    return;
  }
  if (depth > MAX_DEPTH) throw new Fault(`nested deeper than ${MAX_DEPTH} levels`);
  const inside = () => walk(scanner, depth + 1);
  if (!isObject) {
    scanner.array(inside);
    return;
  }
  scanner.object((name) => {
    refuseNul(name);
    inside();
  });
}

function scalar(text: string): void {
  if (text.startsWith('"')) refuseNul(text);
  else if (/^[-0-9]/.test(text) && !isStorable(text)) throw new JsonError(false);
}

/** Whether a double has room for the number's size, and the database for its places. */
function isStorable(number: string): boolean {
  const [, fraction = "", exponent = "0"] = /^[^.eE]*(?:\.(\d+))?(?:[eE](.+))?$/.exec(number) ?? [];
  const power = Number(exponent);
  return Number.isFinite(Number(number)) && power <= MAX_PLACES && fraction.length - power <= MAX_PLACES;
}

function refuseNul(json: string): void {
  if (json.includes("\\u0000") && JSON.parse(json).includes("\0")) {
    throw new Fault("it holds a NUL character");
  }
}

declare global {
  interface JSON {
    /** A value whose JSON is this very text. */
    rawJSON(text: string): unknown;
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source: string }) => unknown,
    ): unknown;
  }
}

/** The value of a payload's text with every number as it is written: the database keeps more digits than we do. */
export function exact(text: string): unknown {
  return JSON.parse(
    text,
    (_, value, { source }) => typeof value === "number" ? JSON.rawJSON(source) : value,
  );
}
