import { expect, test } from "vitest";
import { complaints, newPage, open } from "./browser.ts";
import { suite } from "./suite.ts";
import { TOKEN, until } from "./world.ts";

suite("sign-in", {}, (the) => {
  test("a wrong token gets a plain sentence and is not tried again", async () => {
    const page = await newPage(the.browser, the.world);
    let asked = 0;
    page.on("request", (request) => {
      if (request.headers().authorization) asked += 1;
    });
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").fill("nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token is not the right one").waitFor();
    // longer than the first wait between two attempts would be
    await page.waitForTimeout(1500);
    expect(asked).toBe(1);
    expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
    await page.context().close();
  });

  test("the token of the address signs in, leaves the address, and is in no request's address", async () => {
    const page = await newPage(the.browser, the.world);
    const found = complaints(page);
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url()));
    await open(page, the.world);
    expect(page.url()).not.toContain(TOKEN);
    expect(addresses.some((address) => address.includes("/ws?ticket="))).toBe(true);
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
    await page.context().close();
  });

  test("a person who asks stays signed in on the device", async () => {
    const page = await newPage(the.browser, the.world);
    await page.goto(the.world.url);
    await page.getByLabel("Subscriber token").fill(TOKEN);
    await page.getByLabel("Stay signed in on this device").check();
    await page.keyboard.press("Enter");
    await page.locator(".phase-live").waitFor();
    const other = await page.context().newPage();
    await other.route("**/*", (route) => route.abort());
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([0, 1]);
    await page.context().close();
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
    await page.context().close();
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
    await page.context().close();
  });
});
