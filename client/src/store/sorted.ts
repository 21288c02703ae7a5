import { compareEvents, type StreamEvent } from "../protocol/decode.ts";

/** Where an event belongs in a sorted list; new ones nearly always belong at the end. */
function placeOf(list: readonly StreamEvent[], event: StreamEvent): number {
  let [low, high] = [0, list.length];
  const last = list.at(-1);
  if (!last || compareEvents(last, event) <= 0) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other && compareEvents(other, event) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A list of events in their order, each once, that can be cut at both ends. */
export class SortedEvents {
  readonly list: StreamEvent[] = [];
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Says whether it was not there yet. */
  add(event: StreamEvent): boolean {
    if (this.#ids.has(event.id)) return false;
    this.#ids.add(event.id);
    const place = placeOf(this.list, event);
    if (place === this.list.length) this.list.push(event);
    else this.list.splice(place, 0, event);
    return true;
  }

  /** Adds sorted events that lie before the others but for what came while they were under way; says how many were not there yet. */
  prepend(events: readonly StreamEvent[]): number {
    const fresh = events.filter((event) => !this.#ids.has(event.id));
    const first = this.list[0];
    const before = first ? fresh.filter((event) => compareEvents(event, first) <= 0) : fresh;
    for (const event of before) this.#ids.add(event.id);
    this.list.unshift(...before);
    for (const event of fresh) this.add(event);
    return fresh.length;
  }

  /** Forgets the earliest beyond `most`, and says how many. */
  cutHead(most: number): number {
    const many = Math.max(0, this.list.length - most);
    for (const event of this.list.splice(0, many)) this.#ids.delete(event.id);
    return many;
  }

  /** Forgets the latest beyond `most`, and says how many. */
  cutTail(most: number): number {
    const gone = this.list.splice(most);
    for (const event of gone) this.#ids.delete(event.id);
    return gone.length;
  }

  clear(): void {
    this.list.length = 0;
    this.#ids.clear();
  }
}
