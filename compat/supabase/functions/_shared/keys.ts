// The registered senders and their public keys.

import { Point } from "@noble/ed25519";
import { fromBase64 } from "./bytes.ts";
import { isSourceName } from "./source.ts";

/** A key that signatures are checked against. */
export class PublicKey {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Reads base64 of 32 bytes; refuses weak keys and encodings of a point that are not its own. */
  static async parse(text: string): Promise<PublicKey> {
    const bytes = fromBase64(text);
    if (bytes === undefined) throw new Error("the key is not standard base64");
    if (bytes.length !== 32) throw new Error("the key is not 32 bytes long");
    const point = pointOf(bytes);
    if (point === undefined) throw new Error("the key is no Ed25519 public key");
    if (point.isSmallOrder()) throw new Error("the key is weak (of small order) and proves nothing");
    return new PublicKey(await crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]));
  }

  /**
   * Whether this key's owner signed these bytes. The platform's check compares the encodings and does not
   * multiply by the cofactor; with a point R of small order refused here, no signature has two forms.
   */
  async verifies(body: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const point = pointOf(signature.subarray(0, 32));
    if (point === undefined || point.isSmallOrder()) return false;
    return await crypto.subtle.verify("Ed25519", this.#key, signature, body);
  }
}

/** The point with this encoding, of which each point has one; `undefined` where there is none. */
function pointOf(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return undefined;
  }
}

/** Public keys by source; a source has several while its key is being changed. */
export class Keys {
  readonly #bySource: ReadonlyMap<string, readonly PublicKey[]>;

  private constructor(bySource: ReadonlyMap<string, readonly PublicKey[]>) {
    this.#bySource = bySource;
  }

  /** Reads `source:base64key,source2:base64key2`; spaces and empty entries are passed over. */
  static async parse(text: string): Promise<Keys> {
    const entries = text.split(/[,\n]/).map((entry) => entry.trim()).filter((entry) => entry !== "");
    if (entries.length === 0) throw new Error("the list is empty");
    const bySource = new Map<string, PublicKey[]>();
    for (const [index, entry] of entries.entries()) {
      // base64 holds no colon, so the last one parts the two whatever the source is called
      const colon = entry.lastIndexOf(":");
      const source = entry.slice(0, Math.max(colon, 0)).trim();
      if (!isSourceName(source)) throw new Error(`entry ${index + 1} is not of the form source:base64key`);
      const key = await PublicKey.parse(entry.slice(colon + 1).trim()).catch((error: Error) => {
        throw new Error(`the key of source ${JSON.stringify(source)}, entry ${index + 1}: ${error.message}`);
      });
      bySource.set(source, [...bySource.get(source) ?? [], key]);
    }
    return new Keys(bySource);
  }

  /** The keys of a source; `undefined` where it is not registered. */
  of(source: string): readonly PublicKey[] | undefined {
    return this.#bySource.get(source);
  }
}
