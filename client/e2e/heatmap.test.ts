import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { cells, newPage, open, sum } from "./browser.ts";
import { suite } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { until } from "./world.ts";

const ZONES = ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"];

/** The cell of a moment, told by the system's own calendar and by nothing of the page's. */
function cellOf(zone: string, at: number, by: "hour" | "day"): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    dateStyle: "short",
  }).format(at);
  if (by === "day") return parts;
  const fields = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  });
  const named = new Map(fields.formatToParts(at).map(({ type, value }) => [type, value]));
  const [, sign = "+", hours = "0", minutes = "0"] =
    /GMT([+-])(\d\d):(\d\d)/.exec(named.get("timeZoneName") ?? "") ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return `${parts} ${Number(named.get("hour"))} ${offset}`;
}

function expected(zone: string, times: readonly number[], by: "hour" | "day"): Map<string, number> {
  const counts = new Map<string, number>();
  for (const at of times) counts.set(cellOf(zone, at, by), (counts.get(cellOf(zone, at, by)) ?? 0) + 1);
  return counts;
}

const filled = (all: ReadonlyMap<string, number>) =>
  new Map([...all].filter(([, count]) => count > 0).sort());
const choose = (page: Page, range: string) =>
  page.locator(".heatmap").getByText(range, { exact: true }).click();

suite("the heatmap", { machines: ["laptop"] }, (the) => {
  test("holds what the database holds, cell by cell, in every zone", async () => {
    copyTranscripts(the.world.claudeFolder("laptop"), 3);
    the.world.startMonitor("laptop");
    // an hour that one zone has twice, a day of 23 hours, and the halves of an hour
    const moments = [
      "2026-10-25T00:10:00Z",
      "2026-10-25T01:10:00Z",
      "2026-03-29T00:59:00Z",
      "2026-03-29T01:00:00Z",
    ];
    const around = moments.flatMap((moment) =>
      [0, 29, 31].map((minutes) => Date.parse(moment) + minutes * 60_000),
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
    let before = -1;
    await until("the history is stored", async () => {
      const now = the.world.stored().length;
      const settled = now === before && now > times.length + 500;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return settled;
    });
    const stored = the.world.stored().map(({ at }) => at);

    for (const timezoneId of ZONES) {
      const page = await newPage(the.browser, the.world, { timezoneId });
      await open(page, the.world, "activity");
      for (const [range, by] of [
        ["30 days", "hour"],
        ["Year", "day"],
      ] as const) {
        await choose(page, range);
        await page
          .locator(".heatmap-total")
          .filter({ hasText: / events? in / })
          .waitFor();
        await page.locator(".heat[aria-busy=false]").waitFor();
        const shown = await cells(page);
        const wanted = expected(timezoneId, stored, by);
        const first = [...shown.keys()].map((key) => key.slice(0, 10)).sort()[0] ?? "";
        const inRange = new Map([...wanted].filter(([key]) => key.slice(0, 10) >= first).sort());
        expect(filled(shown), `${timezoneId}, ${range}`).toEqual(inRange);
      }
      await choose(page, "Hour of week");
      await page.locator(".heat-hours[aria-busy=false]").waitFor();
      const since = Date.now() - 80 * 86_400_000;
      expect(sum(await cells(page))).toBeGreaterThanOrEqual(stored.filter((at) => at > since).length);
      await page.context().close();
    }
  });

  test("a cell narrows everything to its hour, by mouse and by keyboard", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world, "activity");
    await page.locator(".heat[aria-busy=false]").waitFor();
    const cell = page.locator(".heat-cell:not(.h0)").first();
    const label = (await cell.getAttribute("aria-label")) ?? "";
    const many = Number(/: ([\d,]+) event/.exec(label)?.[1]?.replaceAll(",", ""));
    await cell.focus();
    expect(await page.locator(".heatmap .readout").textContent()).toBe(label);
    await page.keyboard.press("Enter");
    await page.locator(".filters .chip").waitFor();
    const ranked = page.locator(".ranking").filter({ hasText: "Sources" }).locator(".ranking-count");
    await until("the breakdowns follow", async () => {
      const counts = (await ranked.allInnerTexts()).map((text) => Number(text.replaceAll(",", "")));
      return counts.reduce((total, count) => total + count, 0) === many;
    });
    await page.getByRole("link", { name: "Live" }).click();
    await until(
      "the stream follows",
      async () => (await page.locator(".stream-count").textContent()) === `${many} loaded`,
    );
    await page.getByRole("button", { name: "Clear" }).click();
    await until(
      "the filter is gone",
      async () => (await page.locator(".stream-count").textContent()) !== `${many} loaded`,
    );
    await page.context().close();
  });

  test("live events go to the current hour and are never counted twice", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world, "activity");
    await page.locator(".heat[aria-busy=false]").waitFor();
    const total = async () => sum(await cells(page));
    const before = await total();
    let sent = 0;
    for (let batch = 0; batch < 40; batch++) {
      await the.world.send(the.world.makeEvents(25));
      sent += 25;
      expect(await total()).toBeLessThanOrEqual(before + sent);
    }
    await until("all of them are counted", async () => (await total()) === before + sent);
    await page.reload();
    await page.locator(".heat[aria-busy=false]").waitFor();
    expect(await total()).toBe(before + sent);
    await page.context().close();
  });

  test("a history that cannot be had is said, live events are shown, and Retry brings it back", async () => {
    const page = await newPage(the.browser, the.world);
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
    expect(sum(await cells(page))).toBeGreaterThan(7);
    await page.context().close();
  });

  test("a history that does not answer is given up after five seconds", async () => {
    const page = await newPage(the.browser, the.world);
    await page.route("**/api/v1/counts?*", () => {});
    await open(page, the.world, "activity");
    await page.getByText("Loading the history…").waitFor();
    await page.getByText("Unable to load historic data. Showing real-time events only.").waitFor();
    await page.context().close();
  });
});
