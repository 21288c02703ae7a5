import { isRefused, type Page } from "../api/http.ts";
import { backoff } from "../lib/backoff.ts";
import type { StreamEvent } from "../protocol/decode.ts";
import { MOST_KEPT } from "../store/log.ts";
import { changeLog, streamStore } from "../store/stream.ts";

/** Loads the newest page of the server behind a freshly opened stream, so that the two make one list without a hole. */
export class Newest {
  readonly #page: (signal: AbortSignal) => Promise<Page>;
  readonly #refused: () => void;
  #since: StreamEvent[] | null = null;
  #current: AbortController | null = null;

  constructor(page: (signal: AbortSignal) => Promise<Page>, refused: () => void) {
    this.#page = page;
    this.#refused = refused;
  }

  /** Remembers what the stream brings while the page is on its way. */
  note(events: readonly StreamEvent[]): void {
    if (!this.#since) return;
    for (const event of events) this.#since.push(event);
    if (this.#since.length > MOST_KEPT) this.#since.splice(0, this.#since.length - MOST_KEPT);
  }

  stop(): void {
    this.#current?.abort();
    this.#current = this.#since = null;
  }

  async load(history: boolean): Promise<void> {
    this.stop();
    if (!history) {
      const { loaded } = streamStore.getState();
      return streamStore.setState({ loaded: true, missed: loaded });
    }
    const current = new AbortController();
    this.#current = current;
    this.#since = [];
    for (let attempt = 0; !current.signal.aborted; attempt++) {
      try {
        const { events } = await this.#page(current.signal);
        if (current.signal.aborted) return;
        const since = this.#since ?? [];
        const { following } = streamStore.getState();
        changeLog((log) => log.reload(events, since, following), { loaded: true });
        return this.stop();
      } catch (error) {
        if (isRefused(error)) return this.#refused();
        // the connection's state tells why; a page that fails alone is asked for again
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt, Math.random())));
      }
    }
  }
}
