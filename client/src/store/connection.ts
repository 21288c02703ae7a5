import { createStore } from "zustand/vanilla";
import type { ConnectionState } from "../lib/connection.ts";
import type { Viewer } from "../protocol/generated.ts";

interface ServerState {
  connection: ConnectionState;
  version: string | null;
  /** Whether the server keeps events; null until it said so. */
  history: boolean | null;
  /** What the token in use opens; null until it is known. */
  viewer: Viewer | null;
  /** The server's clock minus this machine's, in milliseconds. */
  skew: number;
  badFrames: number;
}

/** What is known of the server and the way to it. */
export const serverStore = createStore<ServerState>(() => ({
  connection: { phase: "connecting" },
  version: null,
  history: null,
  viewer: null,
  skew: 0,
  badFrames: 0,
}));

/** Whoever is no admin and sees everything, as all who watch a server that does not tell them apart. */
export const PLAIN_VIEWER: Viewer = { admin: false, sources: null, token: null };

/** The server's clock, now. */
export const serverNow = (): number => Date.now() + serverStore.getState().skew;

/** Sets the server's clock from an answer's `fetchedAt`. */
export function setServerClock(fetchedAt: string): void {
  const skew = Date.parse(fetchedAt) - Date.now();
  // answers take their time on the way; a difference below a second says nothing
  serverStore.setState({ skew: Math.abs(skew) < 1000 ? 0 : skew });
}
