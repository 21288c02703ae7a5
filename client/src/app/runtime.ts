import { api, setBearer } from "../api/client.ts";
import { ApiError } from "../api/http.ts";
import { openSocket } from "../api/socket.ts";
import { LiveStream } from "../api/stream.ts";
import { Batcher, browserFrames } from "../lib/batcher.ts";
import type { StreamEvent } from "../protocol/decode.ts";
import { authStore, forgetToken, keepToken, replaceToken, restoreToken, tokenOf } from "../store/auth.ts";
import { PLAIN_VIEWER, serverStore } from "../store/connection.ts";
import { parseRoute, routeStore } from "../store/route.ts";
import { clearStream, receive } from "../store/stream.ts";
import { clearTally, countLive, tick } from "../store/tally.ts";
import { Newest } from "./newest.ts";
import { onRefused, queryClient, refreshWithEvents } from "./queries.ts";
import { watchWakeUps } from "./wake.ts";

const places = { tab: sessionStorage, device: localStorage };
const newest = new Newest(
  (signal) => api.events({ limit: 200 }, signal),
  () => signOut(true),
);

const batcher = new Batcher<StreamEvent>((events) => {
  newest.note(events);
  countLive(receive(events));
}, browserFrames);

const stream = new LiveStream({
  capabilities: () => api.capabilities(),
  ticket: async () => (await api.ticket()).ticket,
  open: openSocket,
  hasToken: () => authStore.getState().token !== null,
  onState(connection) {
    serverStore.setState({ connection });
    if (connection.phase === "signedOut") leave();
  },
  onServer({ version, history }) {
    serverStore.setState({ version, history });
    void learnViewer();
  },
  onEvent: (event) => batcher.push(event),
  onFresh() {
    batcher.flush();
    void newest.load(serverStore.getState().history === true);
  },
  onBadFrame: () => serverStore.setState(({ badFrames }) => ({ badFrames: badFrames + 1 })),
  now: Date.now,
  random: Math.random,
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
});

function leave(): void {
  forgetToken(places);
  newest.stop();
  batcher.flush();
  clearStream();
  clearTally();
  queryClient.clear();
  serverStore.setState({ version: null, history: null, viewer: null });
}

/** Asks what the token opens. An older server does not know; whatever else goes wrong leaves what was known. */
async function learnViewer(): Promise<void> {
  const { token } = authStore.getState();
  const viewer = await api.viewer().catch((error: unknown) => {
    const unknown = error instanceof ApiError && error.status === 404;
    return unknown ? PLAIN_VIEWER : (serverStore.getState().viewer ?? PLAIN_VIEWER);
  });
  if (authStore.getState().token === token) serverStore.setState({ viewer });
}

/** Signs in with a token and connects. */
export function signIn(token: string, onDevice: boolean): void {
  keepToken(places, token, onDevice);
  serverStore.setState({ viewer: null });
  stream.connect();
}

/** Signs out for good: nothing of the session stays. */
export function signOut(refused = false): void {
  stream.stop();
  serverStore.setState({ connection: { phase: "signedOut", refused } });
  leave();
}

/** Goes on with another token, which has taken the place of the one in use. */
export function goOnWith(token: string): void {
  replaceToken(places, token);
  stream.connect();
}

/** Connects now instead of waiting. */
export function reconnect(): void {
  stream.connect();
}

/** The token of the address is taken and leaves it; otherwise the address says which view is meant. */
function readAddress(): boolean {
  const given = tokenOf(location.hash);
  if (given) history.replaceState(null, "", location.pathname + location.search);
  routeStore.setState({ route: parseRoute(location.hash) });
  if (given) signIn(given, false);
  return given !== null;
}

/** Brings the page to life, once. */
export function start(): void {
  authStore.subscribe(({ token }) => setBearer(token));
  restoreToken(places);
  addEventListener("hashchange", readAddress);
  setInterval(tick, 1000);
  onRefused(() => signOut(true));
  refreshWithEvents();
  watchWakeUps(() => {
    const { phase } = serverStore.getState().connection;
    if (phase === "live" || phase === "waiting") stream.connect();
  });
  if (!readAddress()) stream.connect();
}
