// Walks over JSON text without building values: what is passed on goes as it was written, and what no store can
// hold is noticed. Takes and refuses exactly what the Rust server's parser does.

import { encodeUtf8 } from "./bytes.ts";

/** The text is no JSON; `early` where it only ends too early. */
export class JsonError extends Error {
  readonly early: boolean;

  constructor(early: boolean) {
    super(early ? "the text ends too early" : "the text is no JSON");
    this.early = early;
  }
}

/** How strings are read. */
export type Strings = "any" | "storable";

const NOWHERE = 0x1_0000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LETTER_U = 0x75;
const MINUS = 0x2d;

/** A place in a JSON text, and the ways to go on from it. */
export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The character at this place, or one that no text holds where it ends. */
  peek(): number {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : NOWHERE;
  }

  /** Passes over white space; the character behind it. */
  space(): number {
    for (;;) {
      const code = this.peek();
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at += 1;
    }
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.space() !== NOWHERE) throw new JsonError(false);
  }

  /** The text is not what it would have to be here. */
  fail(): never {
    throw new JsonError(this.at >= this.text.length);
  }

  /** Passes over one value of any kind, however deep; answers its text. */
  value(): string {
    this.space();
    const start = this.at;
    const open: number[] = [];
    do {
      this.#opening(open);
      this.#closings(open);
    } while (open.length > 0);
    return this.text.slice(start, this.at);
  }

  /** Passes over one value that is no container, or the openings up to the first one; keeps count in `open`. */
  #opening(open: number[]): void {
    for (;;) {
      const code = this.space();
      if (code !== OPEN_ARRAY && code !== OPEN_OBJECT) {
        this.scalar();
        return;
      }
      this.at += 1;
      const close = code === OPEN_ARRAY ? CLOSE_ARRAY : CLOSE_OBJECT;
      open.push(close);
      if (this.space() === close) return;
      if (close === CLOSE_OBJECT) this.key("any");
    }
  }

  /** Passes over the closings behind a value, up to the comma that announces the next one. */
  #closings(open: number[]): void {
    while (open.length > 0) {
      const close = open[open.length - 1];
      const code = this.space();
      if (code === close) {
        this.at += 1;
        open.pop();
      } else if (code === COMMA) {
        this.at += 1;
        if (close === CLOSE_OBJECT) this.key("any");
        return;
      } else {
        this.fail();
      }
    }
  }

  /** Passes over a string, a number or a word. */
  scalar(strings: Strings = "any"): string {
    const start = this.at;
    const code = this.peek();
    if (code === QUOTE) this.string(strings);
    else if (code === 0x6e) this.#word("null");
    else if (code === 0x74) this.#word("true");
    else if (code === 0x66) this.#word("false");
    else if (code === MINUS || isDigit(code)) this.#number();
    else this.fail();
    return this.text.slice(start, this.at);
  }

  /** Passes over a field's name and the colon behind it; answers the name as it is written. */
  key(strings: Strings): string {
    if (this.space() !== QUOTE) this.fail();
    const start = this.at;
    this.string(strings);
    const name = this.text.slice(start, this.at);
    if (this.space() !== COLON) this.fail();
    this.at += 1;
    return name;
  }

  /** Calls `element` at the first character of each element of the array at this place. */
  array(element: () => void): void {
    this.at += 1;
    for (let first = true; this.#another(CLOSE_ARRAY, first); first = false) element();
    this.at += 1;
  }

  /** Calls `field` with each name of the object at this place; its value is next. */
  object(field: (name: string) => void): void {
    this.at += 1;
    for (let first = true; this.#another(CLOSE_OBJECT, first); first = false) field(this.key("storable"));
    this.at += 1;
  }

  #another(close: number, first: boolean): boolean {
    const code = this.space();
    if (code === close) return false;
    if (!first) {
      if (code !== COMMA) this.fail();
      this.at += 1;
      if (this.space() === close) throw new JsonError(false);
    }
    if (this.peek() === NOWHERE) this.fail();
    return true;
  }

  /** Passes over a string. A storable one has no half of a surrogate pair. */
  string(strings: Strings): void {
    this.at += 1;
    for (;;) {
      const code = this.peek();
      if (code < 0x20 || code === NOWHERE) this.fail();
      this.at += 1;
      if (code === QUOTE) return;
      if (code === BACKSLASH) this.#escape(strings);
    }
  }

  #escape(strings: Strings): void {
    const code = this.peek();
    if (code === NOWHERE) this.fail();
    this.at += 1;
    if (code !== LETTER_U) {
      if (!'"\\/bfnrt'.includes(String.fromCharCode(code))) throw new JsonError(false);
      return;
    }
    const unit = this.#hex();
    if (strings === "any" || unit < 0xd800 || unit > 0xdfff) return;
    if (unit >= 0xdc00) throw new JsonError(false);
    for (const expected of [BACKSLASH, LETTER_U]) {
      if (this.peek() !== expected) this.fail();
      this.at += 1;
    }
    const second = this.#hex();
    if (second < 0xdc00 || second > 0xdfff) throw new JsonError(false);
  }

  #hex(): number {
    const digits = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new JsonError(encodeUtf8(digits).length < 4);
    this.at += 4;
    return parseInt(digits, 16);
  }

  #word(word: string): void {
    const found = this.text.slice(this.at, this.at + word.length);
    if (found !== word) throw new JsonError(word.startsWith(found));
    this.at += word.length;
  }

  #number(): void {
    const number = /-?(?:0(?![0-9])|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![.eE])/y;
    number.lastIndex = this.at;
    // a number that ends too early counts as none
    if (!number.test(this.text)) throw new JsonError(false);
    this.at = number.lastIndex;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The text of a JSON string; `undefined` where it holds half of a surrogate pair. */
export function unquoted(json: string): string | undefined {
  const text: string = json.includes("\\") ? JSON.parse(json) : json.slice(1, -1);
  return text.isWellFormed() ? text : undefined;
}
