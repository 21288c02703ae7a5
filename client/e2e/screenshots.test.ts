import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { SessionPage } from "../src/protocol/generated.ts";
import { loadedCount, newPage, open, openSession, show } from "./browser.ts";
import { Session } from "./session.ts";
import { suite } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { until } from "./wait.ts";
import type { World } from "./world.ts";

/** Taken in every run, kept for the documents only when that is asked for: a clock in a picture is no change. */
const KEPT = process.env.VIBETEA_SCREENSHOTS ? join(import.meta.dirname, "../../docs/screenshots") : null;
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } };

const MACHINES = { laptop: 2, workstation: 12 * 60, "build-server": 5 * 24 * 60 };

const LOOKS = Object.entries(SIZES).flatMap(([size, viewport]) =>
  (["light", "dark"] as const).map((colorScheme) => ({ size, viewport, colorScheme })),
);
type Look = (typeof LOOKS)[number];

/** Takes pictures of a page into a folder. */
type Shoot = (name: string) => Promise<void>;

/** A session that is going on, so that there is something live to see; the pauses are what its calls take. */
async function work(world: World): Promise<void> {
  const session = new Session(world.claudeFolder("laptop"), "kettle");
  const pause = (ms: number) => new Promise((over) => setTimeout(over, ms));
  await pause(250);
  session.prompt();
  await pause(250);
  for (const [tool, file, takes, failed] of [
    ["Read", "README.md", 40, false],
    ["Grep", undefined, 180, false],
    ["Read", "boil.rs", 30, false],
    ["Edit", "boil.rs", 90, false],
    ["Bash", undefined, 900, true],
    ["Edit", "boil.rs", 70, false],
    ["Bash", undefined, 600, false],
  ] as const) {
    const done = session.call(tool, file);
    await pause(takes);
    done(failed);
    await pause(250);
  }
  session.call("Write", "whistle.rs");
}

async function newLook(
  { browser, world }: { browser: Browser; world: World },
  { size, viewport, colorScheme }: Look,
): Promise<{ page: Page; shoot: Shoot }> {
  const page = await newPage(browser, world, { viewport, colorScheme, reducedMotion: "reduce" });
  const folder = KEPT ?? join(world.folder, "pictures");
  mkdirSync(folder, { recursive: true });
  const shoot = async (name: string) => {
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), scale: "css" });
  };
  return { page, shoot };
}

suite("pictures for the documents", { machines: Object.keys(MACHINES), needs: ["transcripts"] }, (the) => {
  test.each(LOOKS)("$size, $colorScheme, with nothing stored", async (look) => {
    const { page, shoot } = await newLook(the, look);
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").waitFor();
    await shoot("sign-in");
    await open(page, the.world);
    await page.getByText("Nothing is stored yet").waitFor();
    await shoot("first-run");
  });

  describe("with history", () => {
    beforeAll(async () => {
      for (const [machine, minutesAgo] of Object.entries(MACHINES)) {
        copyTranscripts(the.world.claudeFolder(machine), minutesAgo);
        the.world.startMonitor(machine);
      }
      for (const machine of Object.keys(MACHINES)) await the.world.delivered(machine);
    });

    test.each(LOOKS)("$size, $colorScheme", async (look) => {
      const { page, shoot } = await newLook(the, look);
      await open(page, the.world);
      const before = await loadedCount(page);
      expect(before).toBeGreaterThanOrEqual(200);
      await work(the.world);
      // its start, its prompt, seven calls with their results and one without
      await until("all of it is on the screen", async () => (await loadedCount(page)) >= before + 17);
      await views(page, shoot, look.size);
      await until("all is loaded", async () => (await page.locator(".placeholder").count()) === 0);
    });
  });
});

suite("pictures of the administration", { own: "build-server" }, (the) => {
  let admin = "";
  beforeAll(async () => {
    for (const machine of ["laptop", "old-phone", "studio"]) the.world.join(machine);
    the.world.administer(["sources", "revoke", "old-phone"]);
    the.world.startJoined("laptop");
    the.world.makeToken("Anna's phone", "--source", "laptop", "--expires", "90d");
    admin = the.world.makeToken("keeper", "--admin");
    the.world.makeToken("Wall display", "--source", "laptop", "--source", "studio", "--expires", "365d");
    await the.world.send(the.world.makeEvents(3));
    await work(the.world);
    await until("the laptop was seen", async () => {
      const path = "api/v1/sessions?limit=1&source=laptop";
      return (await the.world.ask<SessionPage>(path)).sessions.length > 0;
    });
  });

  test.each(LOOKS)("$size, $colorScheme", async (look) => {
    const { page, shoot } = await newLook(the, look);
    await page.route("**/api/v1/admin/enrolments", async (route) => {
      const response = await route.fetch();
      const told = await response.text();
      // an address that a reader may have, too
      await route.fulfill({ response, body: told.replace(/http:\/\/127[\d.:]+/, "https://tea.example.org") });
    });
    await open(page, the.world, "admin", admin);
    await page.getByText("In use here").waitFor();
    await page.locator(".entry").filter({ hasText: "laptop" }).getByText("Active").waitFor();
    await shoot("admin");
    await page.getByRole("button", { name: "Add a machine" }).click();
    await page.getByLabel("What is the machine to be called?").fill("workshop");
    await page.keyboard.press("Enter");
    await page.getByText("Waiting for workshop to join").waitFor();
    await shoot("admin-add");
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByText("Some", { exact: true }).click();
    await page.getByLabel("Whose is it?").fill("Ben");
    await page.getByRole("dialog").getByLabel("laptop").check();
    await shoot("admin-token");
  });
});

async function views(page: Page, shoot: Shoot, size: string): Promise<void> {
  await page.locator(".rail-list").waitFor({ state: size === "desktop" ? "visible" : "attached" });
  await shoot("live");
  await show(page, "sessions");
  await page.locator(".session").nth(3).waitFor();
  await shoot("sessions");
  await openSession(page);
  await page.locator(".figures-table").waitFor();
  await shoot("session");
  await show(page, "activity");
  await page.locator(".tools-table").waitFor();
  await page.locator(".heatmap").getByText("30 days", { exact: true }).click();
  await page.locator(".heat-month[aria-busy=false]").waitFor();
  await shoot("activity");
  await page.locator(".heatmap").getByText("Year", { exact: true }).click();
  await page.locator(".heat-year[aria-busy=false]").waitFor();
  await shoot("year");
  await page.locator(".tools-table").scrollIntoViewIfNeeded();
  await page.locator(".rankings").scrollIntoViewIfNeeded();
  await shoot("breakdowns");
}
