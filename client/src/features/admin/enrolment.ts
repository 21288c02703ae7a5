import type { Enrolment, RegisteredSource } from "../../protocol/generated.ts";

/** A code that a machine may use until then. */
export interface Invitation extends Enrolment {
  /** In milliseconds of this machine's clock. */
  until: number;
  /** What was registered under that name when the code was made. */
  before: RegisteredSource | undefined;
}

export function invitation(
  enrolment: Enrolment,
  sources: readonly RegisteredSource[],
  now: number,
): Invitation {
  const before = sources.find(({ name }) => name === enrolment.source);
  return { ...enrolment, until: now + 1000 * enrolment.expiresInSeconds, before };
}

/** Whether the machine has joined: its source may send, with a key that it did not have before. */
export function hasJoined({ source, before }: Invitation, sources: readonly RegisteredSource[]): boolean {
  const found = sources.find(({ name }) => name === source);
  if (!found || found.revoked !== null) return false;
  if (!before || before.revoked !== null) return true;
  const known = new Set(before.keys.map(({ fingerprint, added }) => `${fingerprint} ${added}`));
  return found.keys.some(({ fingerprint, added }) => !known.has(`${fingerprint} ${added}`));
}

/** The time a code is still good for, `14:59`; null when it is over. */
export function timeLeft(until: number, now: number): string | null {
  const seconds = Math.ceil((until - now) / 1000);
  if (seconds <= 0) return null;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
