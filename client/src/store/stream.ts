import { createStore } from "zustand/vanilla";
import type { StreamEvent } from "../protocol/decode.ts";
import { EVERYTHING, type EventFilter } from "../protocol/filter.ts";
import { EventLog } from "./log.ts";

/** `idle`: nothing is under way; `failed`: the last page could not be loaded. */
type Paging = "idle" | "loading" | "failed";

interface StreamState {
  /** Changes in place; `version` goes up with every change. */
  log: EventLog;
  version: number;
  /** Whether the view stands at the newest event and moves with it. */
  following: boolean;
  /** Matching events that came while the view stood elsewhere. */
  unseen: number;
  filter: EventFilter;
  text: string;
  paging: Paging;
  /** Pages in a row that brought nothing: the filter finds little, and looking further is for the person to decide. */
  emptyPages: number;
  /** Whether the newest page has been loaded since the page was opened. */
  loaded: boolean;
  /** Whether events may be missing that the server cannot give any more. */
  missed: boolean;
}

function initial(): StreamState {
  return {
    log: new EventLog(),
    version: 0,
    following: true,
    unseen: 0,
    filter: EVERYTHING,
    text: "",
    paging: "idle",
    emptyPages: 0,
    loaded: false,
    missed: false,
  };
}

/** So many pages without any event are looked through unasked. */
export const MOST_EMPTY_PAGES = 20;

/** The stream as it is shown. */
export const streamStore = createStore<StreamState>(initial);

const { getState: get, setState: set } = streamStore;

/** Carries out a change of the log and makes it seen. */
export function changeLog<T>(change: (log: EventLog) => T, also: Partial<StreamState> = {}): T {
  const { log, version } = get();
  const result = change(log);
  set({ ...also, version: version + 1 });
  return result;
}

/** Takes what came since the last frame; gives back what was not known. */
export function receive(events: readonly StreamEvent[]): StreamEvent[] {
  const { log, version, following, unseen } = get();
  const before = log.shown.length;
  const fresh = log.receive(events, following);
  const more = following ? 0 : log.attached ? Math.max(0, log.shown.length - before) : fresh.length;
  set({ version: version + 1, unseen: unseen + more });
  return fresh;
}

export function follow(): void {
  const { log, following, unseen } = get();
  if (following && unseen === 0 && log.attached) return;
  changeLog((log) => log.attached || log.showRecent(), { following: true, unseen: 0 });
}

export function unfollow(): void {
  if (get().following) set({ following: false });
}

export function setFilter(change: Partial<EventFilter>): void {
  const filter = { ...get().filter, ...change };
  changeLog((log) => log.setFilter(filter), {
    filter,
    following: true,
    unseen: 0,
    paging: "idle",
    emptyPages: 0,
  });
}

export const clearFilter = (): void => setFilter(EVERYTHING);

export function setText(text: string): void {
  changeLog((log) => log.setText(text), { text });
}

/** Forgets everything, as when another person signs in. */
export function clearStream(): void {
  set(initial());
}
