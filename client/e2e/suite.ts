import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { haveBrowser, launch } from "./browser.ts";
import { haveTranscripts } from "./transcripts.ts";
import { BIN, World, type WorldOptions } from "./world.ts";

/** Long forms with limits on time, for a machine that does nothing else. */
export const SOAK = Boolean(process.env.VIBETEA_SOAK);

const missing = [
  BIN === "" && "VIBETEA_BIN names no program",
  !haveBrowser && "there is no Chromium",
  !haveTranscripts && "there are no transcripts beside the project",
].filter((reason) => reason !== false);

/** Tests that share a browser and a server; skipped with a word where something they need is missing. */
export function suite(
  name: string,
  options: WorldOptions,
  tests: (the: { browser: Browser; world: World }) => void,
) {
  if (missing.length > 0) {
    describe.skip(`${name} (${missing.join(", ")})`, () => tests(absent()));
    return;
  }
  describe(name, () => {
    const the = absent();
    beforeAll(async () => {
      the.world = new World(options);
      await the.world.start();
      the.browser = await launch();
    });
    afterAll(async () => {
      await the.browser?.close();
      await the.world?.stop();
    });
    tests(the);
  });
}

/** Filled before the first test runs. */
const absent = () => ({}) as { browser: Browser; world: World };

/** A figure in the output, for people. */
export function tell(what: string, value: string): void {
  process.stdout.write(`    ${what}: ${value}\n`);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
