import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { cells, loadedCount, newPage, open, show, sum } from "./browser.ts";
import { type Cut, clockChanges, daysBack, expected, zoneAtNoon } from "./calendar.ts";
import { suite } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { LIMIT_MS, until } from "./wait.ts";

const ZONES = ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"];
const VIEWS: readonly [range: string, by: Cut, days: number][] = [
  ["7 days", "hour", 7],
  ["30 days", "hour", 30],
  ["Year", "day", 365],
  ["Hour of week", "hourOfWeek", 84],
];

const filled = (all: ReadonlyMap<string, number>) =>
  new Map([...all].filter(([, count]) => count > 0).sort());

/** Waits until the counts of the view that is chosen are there. */
const counted = (page: Page) => page.locator(".heat[aria-busy=false]").waitFor();

async function choose(page: Page, range: string): Promise<void> {
  await page.locator(".heatmap").getByText(range, { exact: true }).click();
  await counted(page);
}

/** A cell with as few events as any that has some, so that all of them are loaded at once. */
async function quietCell(page: Page): Promise<{ key: string; many: number }> {
  const [least] = [...filled(await cells(page))].sort(([, a], [, b]) => a - b);
  if (!least) throw new Error("no cell holds anything");
  return { key: least[0], many: least[1] };
}

/** Whether it is the same day in each zone a minute ago and two minutes from now. */
function noMidnight(): boolean {
  const now = Date.now();
  return ZONES.every((zone) => daysBack(zone, 1, now - 60_000) === daysBack(zone, 1, now + 120_000));
}

/** When the hour of a cell begins and ends. */
function spanOf(key: string): [from: number, to: number] {
  const [day, hour, offset] = key.split(" ");
  const from = Date.parse(`${day}T00:00Z`) + Number(hour) * 3_600_000 - Number(offset) * 60_000;
  return [from, from + 3_600_000];
}

suite("the heatmap", { machines: ["laptop"], needs: ["transcripts", "python"] }, (the) => {
  test("holds what the database holds, cell by cell, in every zone", async () => {
    copyTranscripts(the.world.claudeFolder("laptop"), 3);
    the.world.startMonitor("laptop");
    // days of 23 and 25 hours, an hour that comes twice, one that is left out, and the halves of an hour
    const around = clockChanges(Date.now()).flatMap((moment) =>
      [-61, -50, -31, -1, 0, 1, 29, 31, 59, 61].map((minutes) => moment + minutes * 60_000),
    );
    const halves = Array.from(
      { length: 96 },
      (_, index) => Date.now() - 30 * 3_600_000 - index * 15 * 60_000,
    );
    const times = [...around, ...halves];
    await the.world.send(
      the.world.makeEvents(times.length, {}, (index) => times[index] ?? 0),
      "ingest",
    );
    await the.world.stopMonitor("laptop");
    const stored = the.world.stored().map(({ at }) => at);
    expect(stored.length).toBeGreaterThan(times.length + 500);

    // a page takes a while to turn over to a day that begins
    await until("no day has just begun or is about to", noMidnight, 240_000);
    for (const timezoneId of ZONES) {
      const page = await newPage(the.browser, the.world, { timezoneId });
      await open(page, the.world, "activity");
      for (const [range, by, days] of VIEWS) {
        await choose(page, range);
        const since = daysBack(timezoneId, days, Date.now());
        const wanted = expected(timezoneId, stored, by, since);
        expect(filled(await cells(page)), `${timezoneId}, ${range}`).toEqual(wanted);
        expect(await page.locator(".heatmap-total").textContent()).toContain(
          `${new Intl.NumberFormat("en-GB").format(sum(wanted))} events in`,
        );
      }
    }
  });

  test("a cell narrows everything to its hour, by mouse and by keyboard", async () => {
    const page = await newPage(the.browser, the.world, { timezoneId: zoneAtNoon() });
    await open(page, the.world, "activity");
    await counted(page);
    await page.locator(".ranking-count").first().waitFor();
    const before = await page.locator(".ranking-count").allInnerTexts();
    const { key, many } = await quietCell(page);
    const cell = page.locator(`[data-cell="${key}"]`);
    const isRead = async () =>
      (await page.locator(".heatmap .readout").textContent()) === (await cell.getAttribute("aria-label"));
    await cell.focus();
    await until("the cell with the focus is read out", isRead);
    await page.keyboard.press("Enter");
    await page.locator(".filters .chip").waitFor();
    const ranked = page.locator(".ranking").filter({ hasText: "Sources" }).locator(".ranking-count");
    await until("the breakdowns follow", async () => {
      const counts = (await ranked.allInnerTexts()).map((text) => Number(text.replaceAll(",", "")));
      return counts.reduce((total, count) => total + count, 0) === many;
    });
    await page.getByRole("link", { name: "Live" }).click();
    await until("the stream follows", async () => (await loadedCount(page)) === many);

    const sessionsIn = async (span: string) =>
      (await the.world.ask<{ sessions: unknown[] }>(`api/v1/sessions?limit=50${span}`)).sessions.length;
    const [from, to] = spanOf(key).map((at) => new Date(at).toISOString());
    const few = await sessionsIn(`&from=${from}&to=${to}`);
    expect(few).toBeLessThan(await sessionsIn(""));
    await show(page, "sessions");
    await until("the sessions follow", async () => (await page.locator(".session").count()) === few);
    await show(page, "live");
    await page.getByRole("button", { name: "Clear" }).click();
    await until("the filter is gone", async () => (await loadedCount(page)) >= 200);
    await show(page, "activity");
    await counted(page);
    await cell.hover();
    await until("the cell under the pointer is read out", isRead);
    await cell.click();
    await page.locator(`[data-cell="${key}"][aria-pressed="true"]`).waitFor();
    await cell.click();
    await until(
      "the breakdowns are whole again",
      async () => String(await page.locator(".ranking-count").allInnerTexts()) === String(before),
    );
  });

  test("live events go to the current hour and are never counted twice", async () => {
    const page = await newPage(the.browser, the.world, { timezoneId: zoneAtNoon() });
    await open(page, the.world, "activity");
    await counted(page);
    const total = async () => sum(await cells(page));
    const before = await total();
    let sent = 0;
    for (let batch = 0; batch < 40; batch++) {
      await the.world.send(the.world.makeEvents(25));
      sent += 25;
      expect(await total()).toBeLessThanOrEqual(before + sent);
    }
    await until("all of them are counted", async () => (await total()) === before + sent);
    // the counts that are asked for again hold them too
    const isOfCounts = (response: { url(): string }) => response.url().includes("/api/v1/counts");
    const anew = page.waitForResponse(isOfCounts, { timeout: LIMIT_MS });
    await the.world.send(the.world.makeEvents(1));
    sent += 1;
    await anew;
    // longer than the page waits for what the answer knows of
    for (const over = Date.now() + 4000; Date.now() < over; ) {
      await the.world.send(the.world.makeEvents(1));
      sent += 1;
      expect(await total()).toBeLessThanOrEqual(before + sent);
      await page.waitForTimeout(500);
    }
    await until("the last ones are counted", async () => (await total()) === before + sent);
    await page.reload();
    await counted(page);
    expect(await total()).toBe(before + sent);
  });

  test("a history that cannot be had is said, live events are shown, and Retry brings it back", async () => {
    const page = await newPage(the.browser, the.world, { timezoneId: zoneAtNoon() });
    let asked = 0;
    await page.route("**/api/v1/counts?*", (route) => {
      asked += 1;
      return route.fulfill({ status: 503, json: { error: "unavailable", message: "no" } });
    });
    await open(page, the.world, "activity");
    await page.getByText("Unable to load historic data. Showing real-time events only.").waitFor();
    await the.world.send(the.world.makeEvents(7));
    await until("the live events are shown", async () => sum(await cells(page)) === 7);
    expect(asked).toBeLessThan(6);
    await page.unroute("**/api/v1/counts?*");
    await page.locator(".heatmap").getByRole("button", { name: "Retry" }).click();
    await page.getByText("Unable to load historic data.").waitFor({ state: "detached" });
    await until("the history is there", async () => sum(await cells(page)) > 500);
  });

  test("a history that does not answer is given up after five seconds", async () => {
    const page = await newPage(the.browser, the.world);
    await page.route("**/api/v1/counts?*", () => {});
    // that lasts five seconds, of which the way there may take some
    const loading = page.getByText("Loading the history…").waitFor();
    await Promise.all([loading, open(page, the.world, "activity")]);
    await page.getByText("Unable to load historic data. Showing real-time events only.").waitFor();
  });
});
