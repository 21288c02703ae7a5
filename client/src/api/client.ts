import { createApi, createCall } from "./http.ts";

let bearer: string | null = null;

/** The token of every request from now on. */
export function setBearer(token: string | null): void {
  bearer = token;
}

/** Asks the server this page came from. */
export const call = createCall({
  base: document.baseURI,
  token: () => bearer,
  fetch: (...request) => fetch(...request),
});

export const api = createApi(call);
