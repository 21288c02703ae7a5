// Which pages of other origins may call.

const ORIGIN = /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

/** Every origin, or those of a list. */
export class Origins {
  readonly #listed: ReadonlySet<string> | undefined;

  private constructor(listed?: ReadonlySet<string>) {
    this.#listed = listed;
  }

  /** Reads `*` or origins separated by commas; `undefined` where the text is neither. */
  static parse(text: string): Origins | undefined {
    if (text.trim() === "*") return new Origins();
    const origins = text.split(",").map((part) => part.trim().replace(/\/+$/, "").toLowerCase())
      .filter((part) => part !== "");
    if (origins.length === 0 || !origins.every((origin) => ORIGIN.test(origin))) return undefined;
    return new Origins(new Set(origins));
  }

  /** Marks an answer to a request of this origin; refusals are marked as well. */
  mark(headers: Headers, asked: string | null): void {
    if (this.#listed === undefined) {
      // no browser sends a token of its own accord, so answering every origin gives nothing away
      headers.set("Access-Control-Allow-Origin", "*");
      return;
    }
    headers.append("Vary", "Origin");
    if (asked !== null && this.#listed.has(asked.toLowerCase())) {
      headers.set("Access-Control-Allow-Origin", asked);
    }
  }
}
