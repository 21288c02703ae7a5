import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { atRest, idsOnScreen, loadedCount, newPage, open, restart } from "./browser.ts";
import { Session } from "./session.ts";
import { quantile, SOAK, suite, tell } from "./suite.ts";
import { copyTranscripts } from "./transcripts.ts";
import { until } from "./wait.ts";
import type { WireEvent, World } from "./world.ts";

const PROBES = SOAK ? 200 : 40;

/** Notes for each file named `probe…` when it was first drawn, by the clock that the test has as well. */
function watchProbes() {
  const first: Record<string, number> = {};
  Object.assign(window, { first });
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const { textContent } of document.querySelectorAll(".row-context")) {
      if (textContent?.startsWith("probe")) first[textContent] ??= now;
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Lets a test hear of each message of the stream before the page does. */
function hearFirst() {
  window.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      this.addEventListener("message", () => dispatchEvent(new Event("heard")));
    }
  };
}

/** Scrolls up as a person does in the moment before the next event is drawn, and notes in which order the page learns of both. */
function scrollBeforeNextDraw(by: number) {
  const list = document.querySelector(".rows");
  if (!list) throw new Error("there is no list");
  const scrolled = { moved: -1, order: [] as string[] };
  Object.assign(window, { scrolled });
  const scroll = () => {
    // not noted before: what was scrolled until now has been told
    document.addEventListener("scroll", () => scrolled.order.push("scroll"), { capture: true, once: true });
    new MutationObserver(() => scrolled.order.includes("row") || scrolled.order.push("row")).observe(list, {
      subtree: true,
      attributeFilter: ["data-id"],
    });
    list.scrollTop -= by;
    scrolled.moved = list.scrollTop;
  };
  // asked for before the page asks for the same picture, to draw the event in it
  addEventListener("heard", () => requestAnimationFrame(scroll), { once: true });
}

suite("the live stream", { machines: ["laptop"], needs: ["transcripts"] }, (the) => {
  test("a line appended to a transcript is on the screen at once", async () => {
    copyTranscripts(the.world.claudeFolder("laptop"), 20);
    the.world.startMonitor("laptop");
    await the.world.delivered("laptop");
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    expect(await loadedCount(page)).toBeGreaterThanOrEqual(200);
    await page.evaluate(watchProbes);

    const session = new Session(the.world.claudeFolder("laptop"));
    const written = new Map<string, number>();
    for (let probe = 0; probe < PROBES; probe++) {
      const file = `probe${probe}.rs`;
      written.set(file, performance.timeOrigin + performance.now());
      session.call("Read", file);
      await page.waitForFunction((name) => name in (window as unknown as { first: object }).first, file);
    }
    const first = await page.evaluate(() => (window as unknown as { first: Record<string, number> }).first);
    const delays = [...written].map(([file, at]) => (first[file] ?? Number.NaN) - at);
    expect(delays.every(Number.isFinite)).toBe(true);
    const p95 = quantile(delays, 0.95);
    tell(
      "appended line to screen",
      `median ${quantile(delays, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
    );
    if (SOAK) expect(p95).toBeLessThan(100);
  });
});

/** Sends numbered events while the server is killed and started again; gives back what was sent. */
async function feedThroughARestart(page: Page, the: { world: World }): Promise<WireEvent[]> {
  const sent: WireEvent[] = [];
  const feed = async (batches: number) => {
    for (let batch = 0; batch < batches; batch++) {
      const events = the.world.makeEvents(10);
      await the.world.send(events);
      sent.push(...events);
    }
  };
  await feed(10);
  await until("the first events are on the screen", async () => (await loadedCount(page)) >= 100);
  await restart(page, the.world, { unseen: () => feed(10) });
  await feed(10);
  return sent;
}

suite("a server that is killed and started again", {}, (the) => {
  test("leaves no gap and no repeat on the screen", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    const sent = await feedThroughARestart(page, the);
    const ids = sent.map(({ id }) => id);
    await until("the last event is on the screen", async () => (await loadedCount(page)) >= ids.length);
    expect(await idsOnScreen(page)).toEqual(ids);
  });
});

suite("a page that does not say where it was", {}, (the) => {
  test("has a gap after a restart, and the check sees it", async () => {
    const page = await newPage(the.browser, the.world);
    await page.addInitScript(() => {
      const original = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (this: Worker, message: string) {
        const address = new URL(message);
        address.searchParams.delete("last_event_id");
        original.call(this, address.href);
      };
    });
    await open(page, the.world);
    const ids = (await feedThroughARestart(page, the)).map(({ id }) => id);
    const last = ids.at(-1) ?? "";
    await until("the last event is on the screen", () => page.locator(`[data-id="${last}"]`).isVisible());
    const shown = await idsOnScreen(page);
    expect(shown.length).toBeLessThan(ids.length);
    expect(shown).not.toEqual(ids);
  });
});

suite("a stream that is read", {}, (the) => {
  test("stays where it is while events come, pages in the past, and jumps back to live", async () => {
    const past = the.world.makeEvents(1500, {}, (index) => Date.now() - 3_600_000 + index * 100);
    await the.world.send(past.slice(0, 1000), "ingest");
    await the.world.send(past.slice(1000), "ingest");
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    expect(await loadedCount(page)).toBe(200);

    const list = page.getByRole("listbox");
    await list.hover();
    await page.mouse.wheel(0, -1500);
    await page.getByRole("button", { name: "Jump to live" }).waitFor();
    await atRest(page);
    const middle = () =>
      page.evaluate(() => {
        const box = document.querySelector(".rows")?.getBoundingClientRect();
        const row =
          box && document.elementFromPoint(box.x + 50, box.y + box.height / 2)?.closest<HTMLElement>(".row");
        return row?.dataset.id;
      });
    const reading = await middle();
    await the.world.send(the.world.makeEvents(50));
    await page.getByRole("button", { name: "50 new events" }).waitFor();
    expect(await middle()).toBe(reading);

    await list.focus();
    await until("the first event is on the screen", async () => {
      await page.keyboard.press("Home");
      return page.getByText("The beginning of what is stored.").isVisible();
    });
    expect(await loadedCount(page)).toBe(1550);
    await page.getByRole("button", { name: /new events|Jump to live/ }).click();
    await the.world.send(the.world.makeEvents(1));
    await page.getByText("file1550.rs").waitFor();
    expect((await idsOnScreen(page)).length).toBe(1551);
  });

  test("is not pulled back to the newest event when one comes before the scroll is told", async () => {
    await the.world.send(the.world.makeEvents(200), "ingest");
    const page = await newPage(the.browser, the.world);
    await page.addInitScript(hearFirst);
    await open(page, the.world);
    await page.evaluate(scrollBeforeNextDraw, 400);
    await the.world.send(the.world.makeEvents(1));
    await page.getByRole("button", { name: "Jump to live" }).waitFor();
    const { moved, order } = await page.evaluate(
      () => (window as unknown as { scrolled: { moved: number; order: string[] } }).scrolled,
    );
    expect(order).toEqual(["row", "scroll"]);
    expect(await page.locator(".rows").evaluate(({ scrollTop }) => scrollTop)).toBe(moved);
  });

  test("jumps back to live also in the middle of a scroll", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    await page.locator(".rows").hover();
    await page.mouse.wheel(0, -1500);
    const jump = page.getByRole("button", { name: "Jump to live" });
    await jump.waitFor();
    await atRest(page);
    await page.evaluate(async () => {
      document.querySelector(".rows")?.scrollBy(0, -300);
      document.querySelector<HTMLElement>(".jump")?.click();
      // the event of that scroll is told before the next picture
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
    });
    expect(await jump.count()).toBe(0);
    const below = ({ scrollHeight, scrollTop, clientHeight }: Element) =>
      scrollHeight - scrollTop - clientHeight;
    expect(await page.locator(".rows").evaluate(below)).toBeLessThan(2);
  });
});
