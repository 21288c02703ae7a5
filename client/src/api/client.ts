import { createApi } from "./http.ts";

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
