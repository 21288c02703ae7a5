// Small things about bytes that several modules need.

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads standard base64 with padding in its one canonical spelling; `undefined` for any other text. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  const binary = atob(text);
  // bits behind the last byte that are not zero would be a second spelling
  if (btoa(binary) !== text) return undefined;
  return fromBinary(binary);
}

/** The bytes of a header's value as it came over the wire. */
export function fromBinary(binary: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** The text of UTF-8 bytes, a byte order mark included; `undefined` where they are none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();

/** UTF-8. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** White space of ASCII at both ends is no part of a header's value. */
export function trimAscii(text: string): string {
  return text.replace(/^[ \t\n\f\r]+|[ \t\n\f\r]+$/g, "");
}
