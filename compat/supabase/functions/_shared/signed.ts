// The one place that orders the checks of a signed request.

import { readBody } from "./body.ts";
import { decodeUtf8, fromBase64, fromBinary, trimAscii } from "./bytes.ts";
import type { Keys } from "./keys.ts";
import { Problem } from "./problem.ts";

/** Largest body, in bytes. */
const MAX_BODY = 4 * 1024 * 1024;

/** A body whose sender is known. */
export interface SignedBody {
  source: string;
  /** The very bytes that were signed. */
  body: Uint8Array;
}

/** Reads and checks a request in the contract's order: size, headers, source, signature. */
export async function receive(request: Request, keys: Keys): Promise<SignedBody> {
  const body = await readBody(request, MAX_BODY);
  const name = requiredHeader(request, "X-Source-ID");
  const signature = fromBase64(requiredHeader(request, "X-Signature"));
  // a header's characters are its bytes, and a source is UTF-8
  const source = decodeUtf8(fromBinary(name));
  const registered = source === undefined ? undefined : keys.of(source);
  if (source === undefined || registered === undefined) {
    throw new Problem("unknown_source", "The source in X-Source-ID is not registered");
  }
  if (signature?.length === 64) {
    for (const key of registered) {
      if (await key.verifies(body, signature)) return { source, body };
    }
  }
  throw new Problem(
    "invalid_signature",
    "X-Signature is not the signature of this source over the body's bytes",
  );
}

function requiredHeader(request: Request, name: string): string {
  const value = trimAscii(request.headers.get(name) ?? "");
  if (value === "") throw new Problem("missing_auth", `The header ${name} is missing or empty`);
  return value;
}
