import { ApiError } from "../../api/http.ts";

/** What went wrong, in one sentence; the server's own where it gave one. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) {
    const said = error.message.trim().replace(/^./u, (first) => first.toLocaleUpperCase());
    return /[.!?]$/.test(said) ? said : `${said}.`;
  }
  if (error instanceof DOMException && error.name === "TimeoutError")
    return "The server did not answer in time.";
  return "The server cannot be reached.";
}
