import type { StreamEvent } from "../protocol/decode.ts";
import { searchable } from "../protocol/describe.ts";
import { EVERYTHING, type EventFilter, matches } from "../protocol/filter.ts";
import { SortedEvents } from "./sorted.ts";

/** Most events that are kept of each of the two lists. */
export const MOST_KEPT = 20_000;

/** Where paging towards the past goes on: a cursor, a moment where there is none yet, or nowhere. */
export type Older =
  | { kind: "cursor"; cursor: string }
  | { kind: "moment"; before: number | null }
  | { kind: "end" };

/**
 * The events of the stream in bounded memory. `recent` is all that came lately, whatever the filter; `rows` is what the
 * filter lets through, without a hole between its first and its last, longer into the past where that was paged in.
 */
export class EventLog {
  readonly #most: number;
  readonly #recent = new SortedEvents();
  readonly #rows = new SortedEvents();
  #filter: EventFilter = EVERYTHING;
  #text = "";
  #found: SortedEvents | null = null;
  #older: Older = { kind: "moment", before: null };
  #attached = true;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }

  /** What is to be shown, earliest first. */
  get shown(): readonly StreamEvent[] {
    return (this.#found ?? this.#rows).list;
  }

  get recent(): readonly StreamEvent[] {
    return this.#recent.list;
  }

  /** The last row, whatever the search. */
  get last(): StreamEvent | undefined {
    return this.#rows.list.at(-1);
  }

  /** Whether the last row is the newest event there is. */
  get attached(): boolean {
    return this.#attached;
  }

  get older(): Older {
    return this.#older;
  }

  get filter(): EventFilter {
    return this.#filter;
  }

  /** Takes new events; gives back those that were not known. While somebody reads the past, nothing is taken away from it. */
  receive(events: readonly StreamEvent[], following: boolean): StreamEvent[] {
    const fresh = events.filter((event) => this.#recent.add(event));
    this.#recent.cutHead(this.#most);
    if (!this.#attached) return fresh;
    for (const event of fresh) if (matches(this.#filter, event)) this.#addRow(event);
    if (following) this.#cutHead();
    else if (this.#rows.list.length > this.#most) this.#cutTail();
    return fresh;
  }

  /** The newest page of the server, whole up to what `receive` was given since. What was there before may have a hole behind it. */
  reload(page: readonly StreamEvent[], sinceOpened: readonly StreamEvent[], following: boolean): void {
    this.#recent.clear();
    this.#recent.prepend(page);
    for (const event of sinceOpened) this.#recent.add(event);
    this.#recent.cutHead(this.#most);
    if (following) this.showRecent();
    else this.#attached = false;
  }

  /** Rows from the recent events alone, up to now. */
  showRecent(): void {
    this.#rows.clear();
    this.#rows.prepend(this.#recent.list.filter((event) => matches(this.#filter, event)));
    this.#attached = true;
    this.#older = this.#momentBefore();
    this.#search();
  }

  /** A page that lies before the first row. */
  prepend(page: readonly StreamEvent[], older: string | null): void {
    const added = this.#rows.prepend(page.filter((event) => matches(this.#filter, event)));
    this.#older = older === null ? { kind: "end" } : { kind: "cursor", cursor: older };
    if (this.#rows.list.length > this.#most) this.#cutTail();
    if (added > 0) this.#search();
  }

  /** A page that lies behind the last row of a list that is not attached; `last`: the server has nothing newer. */
  append(page: readonly StreamEvent[], last: boolean): void {
    for (const event of page) if (matches(this.#filter, event)) this.#addRow(event);
    if (last) {
      for (const event of this.#recent.list) if (matches(this.#filter, event)) this.#addRow(event);
      this.#attached = true;
    }
    this.#cutHead();
    this.#search();
  }

  setFilter(filter: EventFilter): void {
    this.#filter = filter;
    this.showRecent();
  }

  setText(text: string): void {
    this.#text = text.trim().toLowerCase();
    this.#search();
  }

  clear(): void {
    this.#recent.clear();
    this.showRecent();
  }

  #addRow(event: StreamEvent): void {
    if (!this.#rows.add(event) || !this.#found) return;
    if (searchable(event).includes(this.#text)) this.#found.add(event);
  }

  #cutHead(): void {
    if (this.#rows.cutHead(this.#most) === 0) return;
    this.#older = this.#momentBefore();
    const found = this.#found;
    if (!found) return;
    const kept = found.list.findIndex((event) => this.#rows.has(event.id));
    found.cutHead(kept < 0 ? 0 : found.list.length - kept);
  }

  #cutTail(): void {
    if (this.#rows.cutTail(this.#most) === 0) return;
    this.#attached = false;
    this.#search();
  }

  #momentBefore(): Older {
    const first = this.#rows.list[0] ?? this.#recent.list[0];
    const { to } = this.#filter;
    // one millisecond more: others may share the first one's moment, and what is known is left out by its id
    const before = first ? first.at + 1 : null;
    return { kind: "moment", before: to !== null && (before === null || to < before) ? to : before };
  }

  #search(): void {
    this.#found = null;
    if (this.#text === "") return;
    this.#found = new SortedEvents();
    this.#found.prepend(this.#rows.list.filter((event) => searchable(event).includes(this.#text)));
  }
}
