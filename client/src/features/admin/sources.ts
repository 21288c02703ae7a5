import { ago, ahead, dayOf } from "../../lib/format.ts";
import type { RegisteredKey, RegisteredSource } from "../../protocol/generated.ts";

/** A source that was let in within this time is called active. */
const ACTIVE_MS = 5 * 60_000;

export type SourceState = "active" | "quiet" | "new" | "revoked";

/** What is known of a source from when it was last let in; a monitor with nothing to send is quiet, not gone. */
export function stateOf({ revoked, lastSeen }: RegisteredSource, now: number): SourceState {
  if (revoked !== null) return "revoked";
  if (lastSeen === null) return "new";
  return now - Date.parse(lastSeen) < ACTIVE_MS ? "active" : "quiet";
}

/** Those that may send, and those that no longer may. */
export function sorted(sources: readonly RegisteredSource[]) {
  return {
    sending: sources.filter(({ revoked }) => revoked === null),
    revoked: sources.filter(({ revoked }) => revoked !== null),
  };
}

/** When a key came, or that it stands in the configuration; and how long it is taken where that ends. */
export function sayKey({ added, expires }: RegisteredKey, now: number): string {
  const came = added === null ? "in the configuration" : `added ${dayOf(Date.parse(added))}`;
  if (expires === null) return came;
  const left = Date.parse(expires) - now;
  return `${came}, ${left > 0 ? `ends ${ahead(left)}` : `ended ${ago(-left)}`}`;
}
