import { createApi } from "./http.ts";
import type { Socket } from "./stream.ts";

let bearer: string | null = null;

/** The token of every request from now on. */
export function setBearer(token: string | null): void {
  bearer = token;
}

/** The server this page came from. */
export const api = createApi({
  base: document.baseURI,
  token: () => bearer,
  fetch: (...request) => fetch(...request),
});

/** Opens the live stream of the same server. */
export function openSocket(parameters: Record<string, string>): Socket {
  const address = new URL("ws", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams(parameters).toString();
  return new WebSocket(address);
}
