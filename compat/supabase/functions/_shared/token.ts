// The token of those who may watch.

import { encodeUtf8, fromBinary, trimAscii } from "./bytes.ts";
import { Problem } from "./problem.ts";

/** A token; only its digest is kept. */
export class Token {
  readonly #digest: Uint8Array;

  private constructor(digest: Uint8Array) {
    this.#digest = digest;
  }

  /** The token with this text. */
  static async parse(text: string): Promise<Token> {
    const token = text.trim();
    if (!/^[!-~]+$/.test(token)) {
      throw new Error(`a secret of ${token.length} characters; allowed: printable ASCII without spaces`);
    }
    return new Token(await sha256(encodeUtf8(token)));
  }

  /** Refuses a request that does not show the token behind `Bearer` in `Authorization`. */
  async check(headers: Headers): Promise<void> {
    const value = trimAscii(headers.get("Authorization") ?? "");
    if (value === "") {
      throw new Problem(
        "missing_auth",
        "The header Authorization is missing: 'Bearer' and a token are needed",
      );
    }
    const shown = /^bearer $/i.test(value.slice(0, 7)) ? trimAscii(value.slice(7)) : undefined;
    if (shown === undefined || !(await this.is(fromBinary(shown)))) {
      throw new Problem("invalid_token", "The token is not the right one");
    }
  }

  /** Whether these bytes are the token: digests are compared, whole, so neither length nor place is told. */
  async is(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const asked = await sha256(bytes);
    return this.#digest.reduce((difference, byte, at) => difference | (byte ^ (asked[at] ?? 0)), 0) === 0;
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
