import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { haveBrowser, launch, sayPages } from "./browser.ts";
import { BIN } from "./program.ts";
import { haveTranscripts } from "./transcripts.ts";
import { World, type WorldOptions } from "./world.ts";

/** Long forms with limits on time, for a machine that does nothing else. */
export const SOAK = Boolean(process.env.VIBETEA_SOAK);

interface SuiteOptions extends WorldOptions {
  /** What its tests cannot do without, besides the program and the browser. */
  needs?: readonly ("transcripts" | "python")[];
}

const always = [BIN === "" && "VIBETEA_BIN names no program", !haveBrowser && "there is no Chromium"].filter(
  (reason) => reason !== false,
);

if (BIN !== "" && !existsSync(BIN)) throw new Error(`VIBETEA_BIN: there is no program ${BIN}`);

function missing(needs: SuiteOptions["needs"] = []): string[] {
  const python = () => spawnSync("python3", ["-c", "import sqlite3"]).status === 0;
  const reasons = [...always];
  if (needs.includes("python") && !python())
    reasons.push("there is no python3 to read the database past the server");
  // whoever runs the tests for all to see has everything that can be installed
  if (reasons.length > 0 && process.env.CI)
    throw new Error(`in CI nothing is skipped: ${reasons.join(", ")}`);
  if (needs.includes("transcripts") && !haveTranscripts)
    reasons.push("there are no transcripts beside the project");
  return reasons;
}

/** Tests that share a browser and a server; skipped with a word where something they need is missing. */
export function suite(
  name: string,
  { needs, ...options }: SuiteOptions,
  tests: (the: { browser: Browser; world: World }) => void,
) {
  const the = absent();
  const reasons = missing(needs);
  if (reasons.length > 0) {
    tell("skipped", `${name}: ${reasons.join(", ")}`);
    describe.skip(name, () => tests(the));
    return;
  }
  describe(name, () => {
    beforeAll(async () => {
      the.world = new World(options);
      await the.world.start();
      the.browser = await launch();
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === "fail")
        tell("at the failure", `${await sayPages(the.browser)}\n${the.world.said()}`);
      for (const context of the.browser.contexts()) await context.close();
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
