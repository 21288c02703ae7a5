import { createStore } from "zustand/vanilla";
import type { StreamEvent } from "../protocol/decode.ts";

const QUARTER_MS = 15 * 60_000;
/** Seconds of which the pulse is remembered. */
const PULSE_SECONDS = 60;
const MOST_BUCKETS = 10_000;
const MOST_NAMES = 200;

/** What came by the live stream since the page was opened, by quarter hour and source. Time zones need no less and no more than quarters. */
export interface LiveBucket {
  start: number;
  source: string;
  count: number;
}

interface TallyState {
  buckets: ReadonlyMap<string, LiveBucket>;
  /** Events of each of the last seconds, the latest last. */
  pulse: readonly number[];
  /** Goes up when something was counted; a cheap sign that server state is worth asking for anew. */
  seen: number;
  sources: readonly string[];
  projects: readonly string[];
  tools: readonly string[];
}

const EMPTY: TallyState = {
  buckets: new Map(),
  pulse: new Array(PULSE_SECONDS).fill(0),
  seen: 0,
  sources: [],
  projects: [],
  tools: [],
};

/** Live counts as they are shown: brought up to date once a second, so that figures stay readable. */
export const tallyStore = createStore<TallyState>(() => EMPTY);

const buckets = new Map<string, LiveBucket>();
const names = { sources: new Set<string>(), projects: new Set<string>(), tools: new Set<string>() };
let [seen, second] = [0, 0];

const note = (set: Set<string>, name: string | null) => name && set.size < MOST_NAMES && set.add(name);

/** Counts new events. */
export function countLive(events: readonly StreamEvent[]): void {
  for (const { at, source, project, tool } of events) {
    const start = Math.floor(at / QUARTER_MS) * QUARTER_MS;
    const key = `${start} ${source}`;
    const bucket = buckets.get(key);
    if (bucket) bucket.count += 1;
    else if (buckets.size < MOST_BUCKETS) buckets.set(key, { start, source, count: 1 });
    note(names.sources, source);
    note(names.projects, project);
    note(names.tools, tool);
  }
  seen += events.length;
  second += events.length;
}

/** Ends a second: what was counted in it becomes seen. */
export function tick(): void {
  const state = tallyStore.getState();
  const pulse = [...state.pulse.slice(1), second];
  second = 0;
  if (state.seen === seen) {
    if (state.pulse.some((count) => count > 0)) tallyStore.setState({ pulse });
    return;
  }
  const grown = (known: readonly string[], set: Set<string>) =>
    known.length === set.size ? known : [...set].sort();
  tallyStore.setState({
    pulse,
    seen,
    buckets: new Map([...buckets].map(([key, bucket]) => [key, { ...bucket }])),
    sources: grown(state.sources, names.sources),
    projects: grown(state.projects, names.projects),
    tools: grown(state.tools, names.tools),
  });
}

/** Counts as they are at this very moment, to be subtracted later. */
export function liveNow(): ReadonlyMap<string, number> {
  return new Map([...buckets].map(([key, { count }]) => [key, count]));
}

/** How many events came by now. */
export const liveSeen = (): number => seen;

/** Forgets everything. */
export function clearTally(): void {
  buckets.clear();
  for (const set of Object.values(names)) set.clear();
  seen = second = 0;
  tallyStore.setState(EMPTY);
}
