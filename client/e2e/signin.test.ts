import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { complaints, newPage, open } from "./browser.ts";
import { suite } from "./suite.ts";
import { until } from "./wait.ts";
import { TOKEN } from "./world.ts";

/** Lets a minute pass in a page, and gives back how often it asked the server meanwhile. */
async function askedInAMinute(page: Page): Promise<number> {
  let asked = 0;
  page.on("request", (request) => {
    if (request.headers().authorization) asked += 1;
  });
  await page.clock.runFor(60_000);
  // told after all that was asked before it
  const last = page.waitForRequest((request) => request.url().endsWith("/livez"));
  await page.evaluate(() => fetch("livez"));
  await last;
  return asked;
}

suite("sign-in", {}, (the) => {
  test("a wrong token gets a plain sentence and is not tried again", async () => {
    const page = await newPage(the.browser, the.world);
    await page.clock.install();
    let asked = 0;
    page.on("request", (request) => {
      if (request.headers().authorization) asked += 1;
    });
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").fill("nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token is not the right one").waitFor();
    expect(await askedInAMinute(page)).toBe(0);
    expect(asked).toBe(1);
    expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
  });

  test("a server that is away for the moment is asked again, and the check sees it", async () => {
    const page = await newPage(the.browser, the.world);
    await page.clock.install();
    await page.route("**/api/v1/capabilities", (route) => route.fulfill({ status: 503, json: {} }));
    await page.goto(`${the.world.url}#token=${TOKEN}`);
    await page.getByText(/Reconnecting in \d+ s/).waitFor();
    expect(await askedInAMinute(page)).toBeGreaterThan(0);
    // its waits end no more: else it might be back by itself before the button is found
    await page.clock.pauseAt(Date.now() + 90_000);
    await page.getByText(/Reconnecting in \d+ s/).waitFor();
    await page.unroute("**/api/v1/capabilities");
    await page.getByRole("button", { name: "Try now" }).click();
    await page.clock.resume();
    await page.locator(".phase-live").waitFor();
  });

  test("the token of the address signs in, leaves the address, and is in no request's address", async () => {
    const page = await newPage(the.browser, the.world);
    const found = complaints(page);
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url()));
    await open(page, the.world);
    expect(page.url()).not.toContain(TOKEN);
    await until("the stream is told of", () => addresses.some((address) => address.includes("/ws?ticket=")));
    expect(addresses.filter((address) => address.includes(`=${TOKEN}`) && !address.includes("#"))).toEqual(
      [],
    );
    expect(new Set(addresses.map((address) => new URL(address).host))).toEqual(
      new Set([new URL(the.world.url).host]),
    );
    const kept = () => page.evaluate(() => [sessionStorage.length, localStorage.length]);
    expect(await kept()).toEqual([1, 0]);
    await page.reload();
    await page.locator(".phase-live").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Subscriber token").waitFor();
    expect(await kept()).toEqual([0, 0]);
    expect(found).toEqual([]);
  });

  test("a person who asks stays signed in on the device", async () => {
    const page = await newPage(the.browser, the.world);
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").fill(TOKEN);
    await page.getByLabel("Stay signed in on this device").check();
    await page.keyboard.press("Enter");
    await page.locator(".phase-live").waitFor();
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([0, 1]);
    const other = await page.context().newPage();
    await other.goto(the.world.url);
    await other.locator(".phase-live").waitFor();
  });

  test("a first run says what to type, and turns live by itself", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    await page.getByText("Nothing is stored yet").waitFor();
    const command = `VIBETEA_SERVER_URL=${the.world.url.slice(0, -1)} vibetea-monitor run`;
    await page.getByText(command, { exact: true }).waitFor();
    await the.world.send(the.world.makeEvents(1));
    await page.getByRole("listbox").waitFor();
    await until("the first event is on the screen", async () => (await page.locator(".row").count()) === 1);
  });
});

suite("a server without history", { server: { VIBETEA_DATABASE_URL: "none" } }, (the) => {
  test("shows what comes live, and no heatmap", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    await page.getByText("This server keeps no history").waitFor();
    await the.world.send(the.world.makeEvents(3));
    await until("the events are on the screen", async () => (await page.locator(".row").count()) === 3);
    await page.getByRole("link", { name: "Activity" }).click();
    await page.getByText("This server keeps no history").waitFor();
    expect(await page.locator(".heatmap").count()).toBe(0);
  });
});
