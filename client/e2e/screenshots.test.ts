import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { loadedCount, newPage, open, show } from "./browser.ts";
import { suite } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { Session, until, type World } from "./world.ts";

/** Taken in every run, kept for the documents only when that is asked for: a clock in a picture is no change. */
const FOLDER = process.env.VIBETEA_SCREENSHOTS
  ? join(import.meta.dirname, "../../docs/screenshots")
  : mkdtempSync(join(tmpdir(), "vibetea-screenshots-"));
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } };

async function fill(world: World): Promise<void> {
  for (const [machine, minutesAgo] of [
    ["laptop", 2],
    ["workstation", 12 * 60],
    ["build-server", 5 * 24 * 60],
  ] as const) {
    copyTranscripts(world.claudeFolder(machine), minutesAgo);
    world.startMonitor(machine);
  }
  let before = -1;
  await until("the history is stored", async () => {
    const now = world.stored().length;
    const settled = now === before && now > 1500;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return settled;
  });
}

suite("pictures for the documents", { machines: ["laptop", "workstation", "build-server"] }, (the) => {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`${size}, ${colorScheme}`, async () => {
        mkdirSync(FOLDER, { recursive: true });
        const page = await newPage(the.browser, the.world, {
          viewport,
          colorScheme,
          reducedMotion: "reduce",
        });
        const shoot = async (name: string) => {
          await page.mouse.move(0, 0);
          await page.screenshot({ path: join(FOLDER, `${name}-${size}-${colorScheme}.png`), scale: "css" });
        };
        await page.goto(the.world.url);
        await page.getByLabel("Subscriber token").waitFor();
        await shoot("sign-in");
        if ((await page.request.get(`${the.world.url}health`)).ok() && the.world.stored().length === 0) {
          await open(page, the.world);
          await page.getByText("Nothing is stored yet").waitFor();
          await shoot("first-run");
        }
        await page.context().close();
      });
    }
  }
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`${size}, ${colorScheme}, with history`, async () => {
        if (the.world.stored().length === 0) await fill(the.world);
        const page = await newPage(the.browser, the.world, {
          viewport,
          colorScheme,
          reducedMotion: "reduce",
        });
        await open(page, the.world);
        await until("events are on the screen", async () => (await loadedCount(page)) >= 200);
        await work(page, the.world, `${size}-${colorScheme}`);
        await shots(page, size, colorScheme);
        await page.context().close();
      });
    }
  }
});

/** A session that is going on, so that there is something live to see. */
async function work(page: Page, world: World, name: string): Promise<void> {
  const session = new Session(world.claudeFolder("laptop"), randomUUID());
  for (const [file, pause] of [
    ["README.md", 900],
    ["main.rs", 250],
    ["lib.rs", 250],
    ["config.rs", 1400],
    ["server.rs", 300],
    [`${name}.rs`, 1200],
  ] as const) {
    session.read(file);
    await page.waitForTimeout(pause);
  }
  await page.getByText(`${name}.rs`).waitFor();
}

async function shots(page: Page, size: string, theme: string): Promise<void> {
  const shoot = async (name: string) => {
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(FOLDER, `${name}-${size}-${theme}.png`), scale: "css" });
  };
  await page.locator(".session, .rail-list, .row").first().waitFor();
  await shoot("live");
  await show(page, "sessions");
  await page.locator(".session").nth(3).waitFor();
  await shoot("sessions");
  await page
    .locator(".session")
    .filter({ has: page.locator(".agents") })
    .first()
    .getByRole("link")
    .click();
  await page.locator(".bar").first().waitFor();
  await page.locator(".figures-table").waitFor();
  await shoot("session");
  await show(page, "activity");
  await page.locator(".tools-table").waitFor();
  await page.locator(".heatmap").getByText("30 days", { exact: true }).click();
  await page.locator(".heat-month[aria-busy=false]").waitFor();
  await shoot("activity");
  await page.locator(".tools-table").scrollIntoViewIfNeeded();
  await page.locator(".rankings").scrollIntoViewIfNeeded();
  await shoot("breakdowns");
  expect(await page.locator(".placeholder").count()).toBe(0);
}
