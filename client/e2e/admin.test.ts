import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { COLOURINGS, violations } from "./axe.ts";
import { complaints, dismiss, focused, newPage, open, PHONE, show, tabTo, width } from "./browser.ts";
import { Session } from "./session.ts";
import { jumps, watchShifts } from "./shifts.ts";
import { suite } from "./suite.ts";
import { until } from "./wait.ts";
import type { World } from "./world.ts";

const entry = (page: Page, name: string) =>
  page.locator(".entry").filter({ has: page.getByRole("heading", { name, exact: true }) });

const panel = (page: Page, title: string) => page.getByRole("region", { name: title, exact: true });

async function openAdmin(page: Page, world: World, token: string): Promise<void> {
  await open(page, world, "admin", token);
  await panel(page, "Viewer tokens").waitFor();
}

/** Asks for a token in the page, and gives back what it shows. */
async function issued(page: Page): Promise<string> {
  await page.getByText("It is shown this once.").waitFor();
  return (await page.getByRole("dialog").locator("code").first().textContent()) ?? "";
}

suite("the administration", { sources: ["desk"] }, (the) => {
  let admin = "";
  beforeAll(() => {
    admin = the.world.makeToken("keeper", "--admin");
  });

  test("is no part of the page for those who may not, and they see what they are shown", async () => {
    const token = the.world.makeToken("guest", "--source", "desk");
    const page = await newPage(the.browser, the.world);
    await open(page, the.world, "live", token);
    expect(await page.getByRole("link", { name: "Admin" }).count()).toBe(0);
    await page.getByRole("button", { name: "Only desk" }).click();
    await page.getByText("Your token shows").waitFor();
    await show(page, "admin");
    await page.getByText("Your token does not open this page").waitFor();

    // a page that believed anything else would show the way in, and the server would keep it closed
    await page.route("**/api/v1/viewer", (route) =>
      route.fulfill({ json: { admin: true, sources: null, token: null } }),
    );
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().includes("/admin/")) asked += 1;
    });
    await page.reload();
    await page.getByRole("link", { name: "Admin" }).waitFor();
    await page.getByText("The sources could not be loaded").waitFor();
    expect(asked).toBe(2);
    expect(await page.getByText(/admin token/).count()).toBe(2);
    expect(await page.locator(".entry").count()).toBe(0);
  });

  test("is no part of the page of a server that does not know it", async () => {
    const page = await newPage(the.browser, the.world);
    await page.route("**/api/v1/viewer", (route) => route.fulfill({ status: 404, json: {} }));
    await open(page, the.world, "live", admin);
    expect(await page.getByRole("link", { name: "Admin" }).count()).toBe(0);
    expect(await page.locator(".scope, [role=alert]").count()).toBe(0);
  });

  test("is loaded when it is first shown, and not before", async () => {
    const page = await newPage(the.browser, the.world);
    const found = complaints(page);
    const scripts: string[] = [];
    page.on("request", (request) => scripts.push(new URL(request.url()).pathname));
    const loaded = () => scripts.filter((script) => /AdminView.*\.js$/.test(script)).length;
    await open(page, the.world, "live", admin);
    expect(loaded()).toBe(0);
    await page.getByRole("link", { name: "Admin" }).click();
    await panel(page, "Sources").waitFor();
    expect(loaded()).toBe(1);
    expect(found).toEqual([]);
  });

  test("says what to do where the script is gone with the server that was", async () => {
    const page = await newPage(the.browser, the.world);
    await page.route(/AdminView.*\.js$/, (route) => route.fulfill({ status: 404 }));
    await open(page, the.world, "admin", admin);
    await page.getByText("This part of the page could not be loaded").waitFor();
    await page.unroute(/AdminView.*\.js$/);
    await page.getByRole("button", { name: "Load the page anew" }).click();
    await panel(page, "Sources").waitFor();
  });

  test("a machine joins by the command that is shown, and turns into its source by itself", async () => {
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, admin);
    await page.getByRole("button", { name: "Add a machine" }).click();
    await page.getByLabel("What is the machine to be called?").fill("laptop");
    await page.keyboard.press("Enter");
    await page.getByText("Waiting for laptop to join").waitFor();
    expect(await page.getByRole("timer").textContent()).toMatch(/^(15:00|14:\d\d)$/);
    const command = (await page.locator(".add code").textContent()) ?? "";
    the.world.paste("laptop", command);
    await page.getByText("laptop has joined.").waitFor();
    expect(await page.locator(".add").count()).toBe(0);
    const laptop = entry(page, "laptop");
    expect(await laptop.locator("code").textContent()).toMatch(/^[0-9a-f]{16}$/);

    the.world.startJoined("laptop");
    new Session(the.world.claudeFolder("laptop")).prompt();
    await laptop.getByText("Active").waitFor();
    await laptop.locator(".moment button").first().focus();
    await laptop
      .getByRole("tooltip")
      .first()
      .getByText(/20\d\d/)
      .waitFor();
    await page.keyboard.press("Escape");
    await until("the exact time is gone", async () => (await laptop.getByRole("tooltip").count()) === 0);
  });

  test("a command that nobody pastes runs out, and another one is made", async () => {
    const page = await newPage(the.browser, the.world);
    await page.clock.install();
    await openAdmin(page, the.world, admin);
    await page.getByRole("button", { name: "Add a machine" }).click();
    await page.getByLabel("What is the machine to be called?").fill("attic");
    await page.keyboard.press("Enter");
    const command = page.locator(".add code");
    const first = await command.textContent();
    await page.clock.fastForward("14:00");
    await page.getByText("Waiting for attic to join").waitFor();
    await page.clock.fastForward("01:01");
    await page.getByText("The command has run out.").waitFor();
    expect(await page.getByRole("timer").count()).toBe(0);
    await page.getByRole("button", { name: "Make a new one" }).click();
    await page.getByText("Waiting for attic to join").waitFor();
    expect(await command.textContent()).not.toBe(first);
  });

  test("a source of the configuration is marked, and cannot be changed here", async () => {
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, admin);
    const desk = entry(page, "desk");
    await desk.getByText("Set in the server's configuration").waitFor();
    await desk.getByText("in the configuration", { exact: true }).waitFor();
    expect(await desk.getByRole("button", { name: /Rename|Revoke/ }).count()).toBe(0);
  });

  test("a source is renamed, where the name is free, and revoked", async () => {
    the.world.join("tablet");
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, admin);
    await entry(page, "tablet").getByRole("button", { name: "Rename" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("New name").fill("desk");
    await dialog.getByRole("button", { name: "Rename it" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("New name").fill("kitchen tablet/2");
    await dialog.getByRole("button", { name: "Rename it" }).click();
    await dialog.waitFor({ state: "detached" });
    const renamed = entry(page, "kitchen tablet/2");
    await renamed.getByRole("button", { name: "Revoke" }).click();
    await dialog.getByText("this server takes nothing more from kitchen tablet/2").waitFor();
    await dismiss(page);
    expect(await renamed.getByText("Revoked").count()).toBe(0);
    await renamed.getByRole("button", { name: "Revoke" }).click();
    await dialog.getByRole("button", { name: "Revoke it" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.locator(".revoked summary").click();
    await renamed.getByRole("button", { name: "Add again" }).waitFor();
  });

  test("a token is made, opens what it is for, is replaced, and ends", async () => {
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, admin);
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make the token" }).click();
    await dialog.getByText("Give the token a name").waitFor();
    await dialog.getByLabel("Whose is it?").fill("Anna's phone");
    await dialog.getByText("Some", { exact: true }).click();
    await dialog.getByLabel("desk", { exact: true }).check();
    await dialog.getByLabel("When does it end?").selectOption("In 7 days");
    await dialog.getByRole("button", { name: "Make the token" }).click();
    const first = await issued(page);
    await page.mouse.click(5, 5);
    expect(await issued(page)).toBe(first);
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    const anna = entry(page, "Anna's phone");
    await anna.getByText("in 6 d").waitFor();
    await anna.getByText("desk", { exact: true }).waitFor();
    expect(await page.content()).not.toContain(first);

    const phone = await newPage(the.browser, the.world);
    await open(phone, the.world, "live", first);
    await phone.getByRole("button", { name: "Only desk" }).waitFor();

    await anna.getByRole("button", { name: "Rotate" }).click();
    await dialog.getByRole("button", { name: "Rotate it" }).click();
    const second = await issued(page);
    await dismiss(page);
    expect(second).not.toBe(first);
    await phone.reload();
    await phone.getByText("This token is not the right one").waitFor();
    await open(phone, the.world, "live", second);

    await anna.getByRole("button", { name: "Revoke" }).click();
    await dialog.getByRole("button", { name: "Revoke it" }).click();
    await anna.waitFor({ state: "detached" });
    await phone.reload();
    await phone.getByText("This token is not the right one").waitFor();
  });

  test("the token in use is replaced without a break, and revoking it signs out", async () => {
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, the.world.makeToken("mine", "--admin"));
    const mine = entry(page, "mine");
    await mine.getByText("In use here").waitFor();
    expect(await page.getByText("In use here").count()).toBe(1);
    await mine.getByRole("button", { name: "Rotate" }).click();
    await page.getByRole("button", { name: "Rotate it" }).click();
    await issued(page);
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.reload();
    await mine.getByText("In use here").waitFor();
    await mine.getByRole("button", { name: "Revoke" }).click();
    await page.getByText("you are signed out at once").waitFor();
    await page.getByRole("button", { name: "Revoke it" }).click();
    await page.getByLabel("Subscriber token").waitFor();
    expect(await page.getByText("not the right one").count()).toBe(0);
    expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
  });

  test("what the server refuses is said where it was asked for", async () => {
    const page = await newPage(the.browser, the.world);
    await openAdmin(page, the.world, admin);
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByLabel("Whose is it?").fill("keeper");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByRole("dialog").getByRole("alert").getByText("keeper").waitFor();
    await dismiss(page);
    await page.route("**/api/v1/admin/sources", (route) => route.abort());
    await page.getByText("This is what was known before. The server cannot be reached.").waitFor();
    await page.unroute("**/api/v1/admin/sources");
    await panel(page, "Sources").getByRole("button", { name: "Retry" }).click();
    await page.getByText("This is what was known before.").waitFor({ state: "detached" });
  });

  for (const { colorScheme, contrast, colours } of COLOURINGS) {
    test(`axe finds nothing: ${colorScheme}, contrast ${contrast}`, async () => {
      const page = await newPage(the.browser, the.world, { colorScheme, contrast, reducedMotion: "reduce" });
      await openAdmin(page, the.world, admin);
      await everyState(page, async (state) =>
        expect.soft(await violations(page, colours), state).toEqual([]),
      );
    });
  }

  test("on a phone nothing is wider than its 360 pixels, and axe finds nothing", async () => {
    const page = await newPage(the.browser, the.world, PHONE);
    await openAdmin(page, the.world, admin);
    await everyState(page, async (state) => {
      expect.soft(await violations(page), state).toEqual([]);
      expect.soft(await width(page), state).toBeLessThanOrEqual(PHONE.viewport.width);
    });
  });

  test.each([721, 768, 1024])("the header has room for everything in %i pixels", async (width) => {
    const page = await newPage(the.browser, the.world, { viewport: { width, height: 800 } });
    await openAdmin(page, the.world, admin);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const ends = await page
      .locator(".top > *")
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect()).map(({ right }) => right));
    expect(Math.max(...ends)).toBeLessThanOrEqual(width);
    const nav = await page.locator(".top nav").boundingBox();
    const pill = await page.locator(".pill").boundingBox();
    expect((pill?.x ?? 0) + (pill?.width ?? 0)).toBeLessThanOrEqual(nav?.x ?? 0);
  });

  test.each([
    { width: 1280, height: 800 },
    { width: 390, height: 780 },
  ])("nothing jumps while a page of $width pixels loads", async (viewport) => {
    const page = await newPage(the.browser, the.world, { viewport });
    await page.addInitScript(watchShifts);
    await openAdmin(page, the.world, admin);
    await page.reload({ waitUntil: "networkidle" });
    await panel(page, "Viewer tokens").waitFor();
    expect(await jumps(page)).toEqual([]);
  });

  test("everything can be done with the keyboard alone", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world, "live", admin);
    await tabTo(page, "the administration", 'a[href="#/admin"]');
    await page.keyboard.press("Enter");
    await panel(page, "Sources").waitFor();
    await tabTo(page, "adding a machine", '[aria-expanded="false"]');
    await page.keyboard.press("Enter");
    await page.keyboard.type("garage");
    await page.keyboard.press("Enter");
    await page.getByText("Waiting for garage to join").waitFor();
    await tabTo(page, "the end of it", ".add-actions button");
    await page.keyboard.press("Enter");
    await focused(page, '[aria-expanded="false"]');

    await tabTo(page, "making a token", '[aria-label="New token"], section:last-of-type .panel-head button');
    await page.keyboard.press("Enter");
    await page.keyboard.type("board");
    await page.keyboard.press("Enter");
    const token = await issued(page);
    await tabTo(page, "having copied it", ".dialog-actions .primary");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focused(page, ".panel-head button");
    const revoke = entry(page, "board").getByRole("button", { name: "Revoke" });
    const isAtRevoke = () => revoke.evaluate((button) => button === document.activeElement);
    await until("the tab key reaches it", async () => {
      await page.keyboard.press("Tab");
      return isAtRevoke();
    });
    await page.keyboard.press("Enter");
    await focused(page, ".dialog-actions button:first-child");
    await dismiss(page);
    await until("the focus is where it came from", isAtRevoke);
    await page.keyboard.press("Enter");
    await tabTo(page, "the last word", ".danger");
    await page.keyboard.press("Enter");
    await entry(page, "board").waitFor({ state: "detached" });
    await focused(page, "main");
    expect(token).toMatch(/^vt_/);
  });
});

/** Brings the administration into each of its states. */
async function everyState(page: Page, look: (state: string) => Promise<void>): Promise<void> {
  await look("both lists");
  await page.getByRole("button", { name: "Add a machine" }).click();
  await look("a name for a machine");
  await page
    .getByLabel("What is the machine to be called?")
    .fill("a-machine-with-a-rather-long-name.example.org");
  await page.keyboard.press("Enter");
  await page.getByText(/^Waiting for/).waitFor();
  await look("the command");
  await page.locator(".add").getByRole("button", { name: "Close" }).click();
  await page.locator(".moment button").first().focus();
  await look("an exact time");
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByText("Some", { exact: true }).click();
  await page.getByRole("button", { name: "Make the token" }).click();
  await look("a new token");
  await dismiss(page);
  await page.getByRole("button", { name: "Rotate keeper" }).click();
  await look("rotating");
  await dismiss(page);
  await page.getByRole("button", { name: "Revoke keeper" }).click();
  await look("revoking");
  await dismiss(page);
}
