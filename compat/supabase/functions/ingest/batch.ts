// Foreign bytes to checked events. The whole body is parsed before the first event is looked at, then the events
// are checked in order; the first failure refuses the whole batch.

import { decodeUtf8 } from "../_shared/bytes.ts";
import type { NewEvent } from "../_shared/db.ts";
import { JsonError, Scanner, unquoted } from "../_shared/json.ts";
import { Problem } from "../_shared/problem.ts";
import { isSourceName } from "../_shared/source.ts";
import { exact, payloadFault } from "./payload.ts";
import { canonicalTimestamp } from "./timestamp.ts";

/** Most events in one request. */
const MAX_EVENTS = 1000;
const TYPES: readonly string[] = ["session", "activity", "tool", "agent", "summary", "error"];
const ID = /^evt_[a-z0-9]{20}$/;

/** A number that goes on, where nothing but a number is looked for. */
const HALF_NUMBER = /^-?(?:(?:0|[1-9]\d*)(?:\.|(?:\.\d+)?[eE][+-]?))?$/;

/** The known fields of an event as JSON text; of a repeated one the last. */
type RawEvent = Map<string, string>;

/** Parses and checks a body that `source` signed. */
export function parseBatch(body: Uint8Array, source: string): NewEvent[] {
  const text = decodeUtf8(body);
  if (text === undefined) throw unreadable("the body is not UTF-8");
  const { received, events } = read(text);
  if (received === 0) throw new Problem("empty_batch", "The batch holds no event");
  if (received > MAX_EVENTS) {
    throw new Problem(
      "batch_too_large",
      `The batch holds ${received} events; at most ${MAX_EVENTS} are allowed`,
    );
  }
  return events.map((event, index) => check(event, index, source));
}

function unreadable(what: string): Problem {
  return new Problem("invalid_request", `The request cannot be read: ${what}`);
}

interface RawBatch {
  received: number;
  /** As many as a batch may have; `undefined` for what is no object. */
  events: (RawEvent | undefined)[];
}

function read(text: string): RawBatch {
  try {
    const scanner = new Scanner(text);
    const batch = readEvents(scanner);
    scanner.end();
    return batch;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw unreadable(
      error.early
        ? "the body is JSON that ends too early"
        : "the body is not a JSON array of events or one event object",
    );
  }
}

function readEvents(scanner: Scanner): RawBatch {
  const first = scanner.space();
  if (first === 0x7b) return { received: 1, events: [readEvent(scanner)] };
  if (first !== 0x5b) {
    if (HALF_NUMBER.test(scanner.text.slice(scanner.at))) throw new JsonError(true);
    scanner.scalar("storable");
    throw new JsonError(false);
  }
  const batch: RawBatch = { received: 0, events: [] };
  scanner.array(() => {
    const element = scanner.value();
    if (batch.received < MAX_EVENTS) batch.events.push(readElement(element));
    batch.received += 1;
  });
  return batch;
}

function readElement(text: string): RawEvent | undefined {
  return text.startsWith("{") ? readEvent(new Scanner(text)) : undefined;
}

function readEvent(scanner: Scanner): RawEvent {
  const raw: RawEvent = new Map();
  scanner.object((name) => raw.set(unquoted(name) ?? "", scanner.value()));
  return raw;
}

function invalid(index: number, what: string): Problem {
  return new Problem("invalid_event", `Event at index ${index} ${what}`);
}

function check(raw: RawEvent | undefined, index: number, source: string): NewEvent {
  if (raw === undefined) throw invalid(index, "is not an object");
  const id = string(raw.get("id"), "id", index);
  if (!ID.test(id)) {
    throw invalid(index, "has an invalid field 'id': 'evt_' and 20 characters of a-z and 0-9 are allowed");
  }
  const eventSource = string(raw.get("source"), "source", index);
  if (!isSourceName(eventSource)) {
    throw invalid(
      index,
      "has an invalid field 'source': 1 to 128 characters without control characters are allowed",
    );
  }
  const timestamp = canonicalTimestamp(string(raw.get("timestamp"), "timestamp", index));
  if (timestamp === undefined) {
    throw invalid(
      index,
      "has an invalid field 'timestamp': RFC 3339 with offset between the years 1970 and 9999 is allowed",
    );
  }
  const eventType = checkType(raw, index);
  const payload = present(raw.get("payload"), "payload", index);
  const fault = payloadFault(payload);
  if (fault !== undefined) throw invalid(index, `has an invalid field 'payload': ${fault}`);
  if (eventSource !== source) {
    throw new Problem(
      "source_mismatch",
      `Event at index ${index} has a source other than the one in X-Source-ID`,
    );
  }
  return { id, source, timestamp, eventType, payload: exact(payload) };
}

/** The type, in either spelling of its field. */
function checkType(raw: RawEvent, index: number): string {
  const hosted = raw.get("eventType");
  const name = string(
    hosted === undefined || hosted === "null" ? raw.get("type") : hosted,
    "eventType",
    index,
  );
  if (TYPES.includes(name)) return name;
  const shown = [...name].filter((character) => !/\p{Cc}/u.test(character)).slice(0, 64).join("");
  throw new Problem("invalid_event_type", `Invalid event type '${shown}' at index ${index}`);
}

function present(json: string | undefined, name: string, index: number): string {
  if (json === undefined || json === "null") throw invalid(index, `missing required field '${name}'`);
  return json;
}

function string(field: string | undefined, name: string, index: number): string {
  const json = present(field, name, index);
  const text = json.startsWith('"') ? unquoted(json) : undefined;
  if (text === "") throw invalid(index, `missing required field '${name}'`);
  if (text === undefined || text.includes("\0")) {
    throw invalid(index, `has an invalid field '${name}': a string without NUL is allowed`);
  }
  return text;
}
