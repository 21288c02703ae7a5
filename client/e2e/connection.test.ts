import { expect, test } from "vitest";
import { complaints, idsOnScreen, loadedCount, newPage, open, restart } from "./browser.ts";
import { suite } from "./suite.ts";
import { until } from "./wait.ts";
import { TOKEN } from "./world.ts";

suite("the connection", {}, (the) => {
  test("a server too old for the page is called so, and left alone until somebody asks", async () => {
    const page = await newPage(the.browser, the.world);
    let asked = 0;
    const old = { version: "0.0.1", apiVersion: 0, history: true };
    await page.route("**/api/v1/capabilities", (route) => {
      asked += 1;
      return route.fulfill({ json: old });
    });
    await page.clock.install();
    await page.goto(`${the.world.url}#token=${TOKEN}`);
    await page.getByRole("heading", { name: "This server is too old" }).waitFor();
    await page.getByText("it is version 0.0.1").waitFor();
    await page.clock.runFor(60_000);
    expect(asked).toBe(1);
    await page.unroute("**/api/v1/capabilities");
    await page.getByRole("button", { name: "Try now" }).click();
    await page.locator(".phase-live").waitFor();
  });

  test("a server that has lost its place makes the page load anew, without a word", async () => {
    const page = await newPage(the.browser, the.world);
    await the.world.send(the.world.makeEvents(30), "ingest");
    await open(page, the.world);
    await the.world.send(the.world.makeEvents(10));
    await until("all are on the screen", async () => (await loadedCount(page)) === 40);

    const kept = the.world.makeEvents(25);
    await restart(page, the.world, {
      async whileDown() {
        await page.getByText(/Reconnecting( in \d+ s)?$/).waitFor();
        the.world.forget();
      },
      unseen: () => the.world.send(kept, "ingest"),
    });
    const live = the.world.makeEvents(5);
    await the.world.send(live);
    const ids = [...kept, ...live].map(({ id }) => id);
    await until("what the server has is on the screen", async () => (await loadedCount(page)) === 30);
    expect(await idsOnScreen(page)).toEqual(ids);
    expect(await page.locator(".stream-gap").count()).toBe(0);
  });
});

suite("below a path of a proxy", { server: { VIBETEA_BASE_PATH: "/tools/tea" } }, (the) => {
  test("the page, its calls and its stream are all below it", async () => {
    await the.world.send(the.world.makeEvents(20), "ingest");
    const page = await newPage(the.browser, the.world);
    const found = complaints(page);
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url().replace(/^ws/, "http")));
    await open(page, the.world);
    const live = the.world.makeEvents(1);
    await the.world.send(live);
    await page.locator(`[data-id="${live[0]?.id}"]`).waitFor();
    expect(await idsOnScreen(page)).toHaveLength(21);
    await page.getByRole("link", { name: "Activity" }).click();
    await page.locator(".heat[aria-busy=false]").waitFor();
    await until("the stream is told of", () => addresses.some((address) => address.includes("/ws?ticket=")));
    expect(addresses.filter((address) => !address.startsWith(the.world.url))).toEqual([]);
    expect(found).toEqual([]);
  });
});
