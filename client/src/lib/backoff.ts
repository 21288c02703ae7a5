const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** How long to wait before attempt number `attempt` (from 0), spread so that many pages do not come back at once. */
export function backoff(attempt: number, random: number): number {
  const base = Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS);
  return Math.round(base * (0.75 + random / 2));
}
