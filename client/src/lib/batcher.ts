/** How a batcher waits; the browser's frames in the page, by hand in tests. */
export interface FrameClock {
  /** Calls back before the next picture is drawn. */
  nextFrame(callback: () => void): void;
}

/** Nobody can read what changes more than twenty times a second: of a flood, every third picture is drawn anew and the others are left to scrolling and typing. */
const LEAST_APART_MS = 45;

let drawn = 0;

function drawNext(callback: () => void): void {
  requestAnimationFrame((now) => {
    if (now - drawn < LEAST_APART_MS) return drawNext(callback);
    drawn = now;
    callback();
  });
}

/** Pictures are drawn only on a visible page; a hidden one is kept up to date four times a second. */
export const browserFrames: FrameClock = {
  nextFrame(callback) {
    if (document.visibilityState === "visible") drawNext(callback);
    else setTimeout(callback, 250);
  },
};

const MOST_WAITING = 5000;

/** Collects items and hands them on together, once per frame, or at once when too many wait. */
export class Batcher<T> {
  #items: T[] = [];
  #asked = false;
  readonly #flush: (items: T[]) => void;
  readonly #clock: FrameClock;

  constructor(flush: (items: T[]) => void, clock: FrameClock) {
    this.#flush = flush;
    this.#clock = clock;
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#items.length >= MOST_WAITING) this.flush();
    else if (!this.#asked) {
      this.#asked = true;
      this.#clock.nextFrame(() => {
        this.#asked = false;
        this.flush();
      });
    }
  }

  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#flush(items);
  }
}
