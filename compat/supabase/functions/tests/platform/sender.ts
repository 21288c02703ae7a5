// A sender of signed batches, as a monitor is one.

import { getPublicKey, hashes, sign } from "@noble/ed25519";
import { createHash } from "node:crypto";

hashes.sha512 = (message) => new Uint8Array(createHash("sha512").update(message).digest());

/** The token of those who watch, in these tests. */
export const TOKEN = "vt_test_8c1f5e0f2b7d4a6993ab";
/** The source most tests send as. */
export const SOURCE = "laptop";

/** The private key of a source. */
export function keyOf(source: string): Uint8Array {
  return createHash("sha256").update(source).digest();
}

/** The list that registers these sources. */
export function publicKeys(sources: Iterable<string>): string {
  return [...sources].map((source) => `${source}:${base64(getPublicKey(keyOf(source)))}`).join(",");
}

/** Base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The value of the signature header. */
export function signature(source: string, body: Uint8Array): string {
  return base64(sign(body, keyOf(source)));
}

/** The headers of a signed request; a source that is not ASCII goes as UTF-8. */
export function signedHeaders(source: string, body: Uint8Array): Record<string, string> {
  return {
    "Content-Type": "application/json",
    "X-Source-ID": String.fromCharCode(...new TextEncoder().encode(source)),
    "X-Signature": signature(source, body),
  };
}

/** Sends a signed body. */
export function post(url: string, source: string, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(`${url}/functions/v1/ingest`, { method: "POST", headers: signedHeaders(source, body), body });
}

/** A JSON body. */
export function bodyOf(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The `n`-th event of a source. */
export function event(n: number, source: string = SOURCE, timestamp: string = "2026-02-03T14:30:00Z") {
  const id = `evt_${String(n).padStart(20, "0")}`;
  return { id, source, timestamp, eventType: "tool", payload: { sessionId: "s", tool: "Read" } };
}
