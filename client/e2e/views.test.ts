import { beforeAll, expect, test } from "vitest";
import { COLOURINGS, violations } from "./axe.ts";
import {
  complaints,
  focused,
  loadedCount,
  newPage,
  open,
  openSession,
  PHONE,
  show,
  tabTo,
  whole,
  width,
} from "./browser.ts";
import { jumps, watchShifts } from "./shifts.ts";
import { suite } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { until } from "./wait.ts";
import { TOKEN } from "./world.ts";

suite("the views", { machines: ["laptop"], needs: ["transcripts"] }, (the) => {
  beforeAll(async () => {
    copyTranscripts(the.world.claudeFolder("laptop"), 3);
    the.world.startMonitor("laptop");
    await the.world.delivered("laptop");
  });

  for (const { colorScheme, contrast, colours } of COLOURINGS) {
    test(`axe finds nothing: ${colorScheme}, contrast ${contrast}`, async () => {
      const page = await newPage(the.browser, the.world, { colorScheme, contrast, reducedMotion: "reduce" });
      const found = complaints(page);
      const check = async (view: string) => expect.soft(await violations(page, colours), view).toEqual([]);
      await page.goto(the.world.url);
      await page.getByLabel("Subscriber token").waitFor();
      await check("sign-in");
      await open(page, the.world);
      expect(await loadedCount(page)).toBeGreaterThanOrEqual(200);
      await check("live");
      await page.locator(".row").last().click();
      await check("an event");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Appearance" }).click();
      await check("appearance");
      await page.keyboard.press("Escape");
      await show(page, "sessions");
      await page.locator(".session").first().waitFor();
      await check("sessions");
      await openSession(page);
      await check("a session");
      await show(page, "activity");
      await page.locator(".tools-table").waitFor();
      await page.locator(".heat[aria-busy=false]").waitFor();
      await check("activity");
      for (const range of ["30 days", "Year", "Hour of week"]) {
        await page.locator(".heatmap").getByText(range, { exact: true }).click();
        await page.locator(".heat[aria-busy=false]").waitFor();
        await check(range);
      }
      expect(found.filter((complaint) => !complaint.includes("401"))).toEqual([]);
    });
  }

  test("axe would find what is wrong", async () => {
    const page = await newPage(the.browser, the.world);
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").waitFor();
    await page.evaluate(() => {
      const [title] = document.getElementsByTagName("h1");
      title?.style.setProperty("color", "#ddd");
      title?.append(document.createElement("button"));
    });
    const rules = (found: string[]) => found.map((violation) => violation.split(":")[0]);
    expect(rules(await violations(page))).toEqual(expect.arrayContaining(["button-name", "color-contrast"]));
    expect(rules(await violations(page, true))).toEqual(["color-contrast"]);
  });

  test("on a phone nothing is wider than its 360 pixels, and axe finds nothing", async () => {
    const page = await newPage(the.browser, the.world, PHONE);
    await open(page, the.world);
    const widths: Record<string, number> = {};
    const measure = async (view: string) => {
      expect.soft(await violations(page), view).toEqual([]);
      widths[view] = await width(page);
    };
    expect(await loadedCount(page)).toBeGreaterThanOrEqual(200);
    await measure("live");
    await page.getByRole("button", { name: "Filters" }).tap();
    await page.getByLabel("Project", { exact: true }).waitFor();
    await measure("filters");
    await show(page, "sessions");
    await page.locator(".session").first().waitFor();
    await measure("sessions");
    await openSession(page);
    await measure("session");
    await show(page, "activity");
    await page.locator(".tools-table").waitFor();
    await measure("activity");
    expect(Object.entries(widths).filter(([, width]) => width > PHONE.viewport.width)).toEqual([]);
  });

  test.each([
    { width: 1280, height: 800 },
    { width: 390, height: 780 },
  ])("nothing jumps while a page of $width pixels loads", async (viewport) => {
    const page = await newPage(the.browser, the.world, { viewport });
    await page.addInitScript(watchShifts);
    await open(page, the.world);
    for (const view of ["live", "sessions", "activity"]) {
      await show(page, view);
      await page.reload({ waitUntil: "networkidle" });
      await page.locator(".phase-live").waitFor();
      expect(await jumps(page), view).toEqual([]);
    }
    await page.evaluate(() => {
      const late = document.createElement("div");
      late.style.height = "100px";
      document.querySelector("main")?.before(late);
    });
    await until("the jump is seen", async () => (await jumps(page)).length > 0);
  });

  test("filters narrow the stream on the server's side too, and a search what is there", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    expect(await loadedCount(page)).toBeGreaterThanOrEqual(200);
    await page.getByLabel("Tool", { exact: true }).selectOption("Edit");
    await until("all of that tool are there", () =>
      page.getByText("The beginning of what is stored.").isVisible(),
    );
    const heads = await page.locator(".row-head").allTextContents();
    expect(new Set(heads)).toEqual(new Set(["Edit"]));
    const edits = await loadedCount(page);
    await page.getByLabel("Type", { exact: true }).selectOption("session");
    await page.getByText("Nothing here fits").waitFor();
    await page.getByRole("button", { name: "Show everything" }).click();
    await until("everything is back", async () => (await loadedCount(page)) >= 200);
    await page.getByLabel("Tool", { exact: true }).selectOption("Edit");
    await until("all of that tool are there", async () => (await loadedCount(page)) === edits);
    await page.getByRole("searchbox").fill("failed");
    await page.getByRole("searchbox").fill("no such file");
    await page.getByText("Nothing here fits").waitFor();
    await page.getByRole("searchbox").fill("");
    await until("all of that tool are there again", async () => (await loadedCount(page)) === edits);
    await page.getByLabel("Time", { exact: true }).selectOption("hour");
    await until("the last hour alone is there", async () => (await loadedCount(page)) < edits);
  });

  test("filters by project, source and session leave what is of it", async () => {
    await the.world.send(the.world.makeEvents(3));
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    const all = await loadedCount(page);
    const texts = async (part: string) => new Set(await page.locator(`.row-${part}`).allTextContents());
    for (const [label, part] of [
      ["Project", "project"],
      ["Source", "source"],
    ] as const) {
      const select = page.getByLabel(label, { exact: true });
      await select.locator("option").filter({ hasText: "feed" }).waitFor({ state: "attached" });
      const [chosen = ""] = (await select.locator("option").allTextContents()).filter((name) =>
        name.startsWith("feed"),
      );
      await select.selectOption(chosen);
      await until(`the ${part} alone is there`, async () => (await loadedCount(page)) === 3);
      await until(`the rows are of the ${part}`, async () => String([...(await texts(part))]) === chosen);
      await page.getByRole("button", { name: "Clear" }).click();
      await until("everything is back", async () => (await loadedCount(page)) >= all);
    }
    await page.locator(".row").first().click();
    await page.getByRole("button", { name: "Only this session" }).click();
    await page.locator(".filters .chip").filter({ hasText: "Session" }).waitFor();
    await until("the session alone is there", async () => (await texts("session")).size === 1);
  });

  test("sessions are told apart by whether they go on", async () => {
    await the.world.send(the.world.makeEvents(1));
    const page = await newPage(the.browser, the.world);
    await open(page, the.world, "sessions");
    const stored = async (state: string) => {
      const path = `api/v1/sessions?limit=50${state && `&state=${state}`}`;
      const { sessions } = await the.world.ask<{ sessions: { state: string }[] }>(path);
      return sessions.map(({ state }) => state);
    };
    for (const [choice, state] of [
      ["Ended", "ended"],
      ["Active", "active"],
      ["All", ""],
    ] as const) {
      await page.locator(".sessions").getByText(choice, { exact: true }).first().click();
      await until(`${choice} sessions are there`, async () => {
        const shown = await page.locator(".session-list .state").allTextContents();
        return shown.length > 0 && shown.join().toLowerCase() === (await stored(state)).join();
      });
    }
  });

  test("nothing moves for those who asked for that, and something does for others", async () => {
    const moving = async (reducedMotion: "reduce" | "no-preference") => {
      const page = await newPage(the.browser, the.world, { reducedMotion });
      // counts that never come keep the heatmap loading, as long as nobody gives them up
      await page.route("**/api/v1/counts?*", () => {});
      await page.addInitScript(() => {
        AbortSignal.timeout = () => new AbortController().signal;
      });
      await open(page, the.world, "activity");
      await page.locator(".heat[aria-busy=true]").waitFor();
      return page.evaluate(() => document.getAnimations().length);
    };
    expect(await moving("reduce")).toBe(0);
    expect(await moving("no-preference")).toBeGreaterThan(0);
  });

  test("everything can be done with the keyboard alone", async () => {
    const page = await newPage(the.browser, the.world);
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").waitFor();
    await tabTo(page, "the token", "#token");
    await page.keyboard.type(TOKEN);
    await page.keyboard.press("Enter");
    await whole(page);

    await tabTo(page, "the list", ".rows");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    const selected = page.locator('.row[aria-selected="true"]');
    await selected.waitFor();
    expect(await page.locator(".rows").getAttribute("aria-activedescendant")).toBe(
      await selected.getAttribute("id"),
    );
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focused(page, ".rows");
    await page.locator(".jump").waitFor();
    await page.keyboard.press("End");
    await page.locator(".jump").waitFor({ state: "detached" });

    await tabTo(page, "the sessions", 'a[href="#/sessions"]');
    await page.keyboard.press("Enter");
    await page.locator(".session-name").first().waitFor();
    await tabTo(page, "a session", ".session-name");
    await page.keyboard.press("Enter");
    await page.locator(".bar").first().waitFor();
    await tabTo(page, "the timeline", "[data-at]");
    await page.keyboard.press("ArrowDown");
    await page
      .locator(".readout")
      .filter({ hasText: /, at \d\d:\d\d/ })
      .waitFor();

    await tabTo(page, "the activity", 'a[href="#/activity"]');
    await page.keyboard.press("Enter");
    await page.locator(".heat[aria-busy=false]").waitFor();
    await page.locator(".days-column").first().waitFor();
    await tabTo(page, "the heatmap", "[data-cell]");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.locator(".filters .chip").waitFor();
    await tabTo(page, "the day bars", ".days-column");
  });
});
