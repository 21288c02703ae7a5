// A body read with a bound, whatever length it announces.

import { Problem } from "./problem.ts";

/** Longest time a body may take to arrive. */
const DEADLINE_SECONDS = 30;
/** A refused body is read on for this long and this far, so that its sender gets to read the answer. */
const LINGER_MS = 2000;
const LINGER_BYTES = 64 * 1024 * 1024;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** The whole body; refuses one of more than `limit` bytes, one that ends too early and one that never ends. */
export async function readBody(
  request: Request,
  limit: number,
  deadlineMs = DEADLINE_SECONDS * 1000,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const pieces = await within(deadlineMs, collect(reader, limit));
  if (pieces === "too large") {
    await within(LINGER_MS, drain(reader));
    throw new Problem("payload_too_large", `The body is larger than ${limit} bytes`);
  }
  if (pieces === undefined) {
    reader.cancel().catch(() => {});
    throw new Problem("request_timeout", `The body did not arrive within ${DEADLINE_SECONDS} seconds`);
  }
  return joined(pieces);
}

/** What the work comes to; `undefined` where it takes longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function collect(reader: Reader, limit: number): Promise<Uint8Array[] | "too large"> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await next(reader); piece !== undefined; piece = await next(reader)) {
    length += piece.length;
    if (length > limit) return "too large";
    pieces.push(piece);
  }
  return pieces;
}

async function drain(reader: Reader): Promise<void> {
  let left = LINGER_BYTES;
  while (left > 0) {
    const piece = await next(reader);
    if (piece === undefined) return;
    left -= piece.length;
  }
}

async function next(reader: Reader): Promise<Uint8Array | undefined> {
  try {
    return (await reader.read()).value;
  } catch {
    throw new Problem("invalid_request", "The request cannot be read: the body ends too early");
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
