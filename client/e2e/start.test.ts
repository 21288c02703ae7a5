import { expect, test } from "vitest";
import { launch, newPage } from "./browser.ts";
import { SOAK, suite, tell } from "./suite.ts";
import { TOKEN } from "./world.ts";
import { fillYear, YEAR_SOURCES } from "./year.ts";

const STORED = SOAK ? 5_000_000 : 50_000;
const FILL_LIMIT_MS = 1_800_000;

suite("with a year stored", { sources: YEAR_SOURCES }, (the) => {
  test(
    "a first visit shows the newest event and takes a key, with no call made twice",
    async () => {
      const last = await fillYear(the.world, STORED);
      // a new browser: nothing of the page is known to it, compiled or kept
      const browser = await launch();
      const page = await newPage(browser, the.world);
      const now = () => page.evaluate(() => performance.now());

      await page.goto(`${the.world.url}#token=${TOKEN}`, { waitUntil: "commit" });
      await page.locator(`[data-id="${last}"]`).waitFor();
      const shown = await now();
      await page.locator(".rows").press("ArrowUp");
      await page.locator('.row[aria-selected="true"]').waitFor();
      const answered = await now();
      await page.waitForLoadState("networkidle");

      const calls = await page.evaluate(() =>
        performance
          .getEntriesByType("resource")
          .map(({ name, startTime, duration }) => ({ name: name.split("/api/v1/")[1], startTime, duration }))
          .filter(({ name }) => name !== undefined),
      );
      tell("events stored", String(STORED));
      tell("from the address to the newest event shown", `${shown.toFixed(0)} ms`);
      tell("from the address to a key answered", `${answered.toFixed(0)} ms`);
      for (const { name, startTime, duration } of calls)
        tell(`${name}`, `${duration.toFixed(0)} ms, asked at ${startTime.toFixed(0)} ms`);
      expect(calls.length).toBeGreaterThan(2);
      expect(new Set(calls.map(({ name }) => name?.split("?")[0])).size).toBe(calls.length);
      if (SOAK) expect(answered).toBeLessThan(1000);
      await browser.close();
    },
    FILL_LIMIT_MS,
  );
});
