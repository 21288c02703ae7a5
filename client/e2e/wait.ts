/** The longest that anything is waited for: it ends a test that fails, and is far above what a busy machine needs. */
export const LIMIT_MS = 90_000;

/** What no waiting will mend: `until` gives it on at once. */
export class Hopeless extends Error {}

/** Waits until something holds. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  limitMs = LIMIT_MS,
): Promise<void> {
  const start = performance.now();
  let last: unknown;
  while (performance.now() - start < limitMs) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain until ${what}`, { cause: last });
}
