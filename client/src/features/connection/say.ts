import type { ConnectionState } from "../../lib/connection.ts";

/** The connection in a word or two; nothing is called live that is not. */
export function sayConnection(state: ConnectionState, now: number): string {
  switch (state.phase) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "waiting": {
      const seconds = Math.ceil((state.until - now) / 1000);
      return seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting";
    }
    case "signedOut":
      return "Signed out";
    case "tooOld":
      return "Server too old";
  }
}
