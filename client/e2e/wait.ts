/** What no waiting will mend: `until` gives it on at once. */
export class Hopeless extends Error {}

/** Waits until something holds; the limit is there to end a test that fails, and far above what is needed. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  limitMs = 60_000,
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
