import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { LIMIT_MS, until } from "./wait.ts";
import { TOKEN, type World } from "./world.ts";

const CHROMIUM = process.env.VIBETEA_CHROMIUM ?? "/usr/bin/chromium";
/** Where it is set, these files are shown instead of what the server has built in. */
const OWN_DIST = process.env.VIBETEA_DIST;
const DIST = OWN_DIST ?? join(import.meta.dirname, "../dist");
const KINDS: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
/** The policy of the server, for pages that are not served by it. */
const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** The narrowest device that the page is made for. */
export const PHONE = {
  viewport: { width: 360, height: 740 },
  hasTouch: true,
  isMobile: true,
  // colours that are on their way to others are none of the page's
  reducedMotion: "reduce",
} as const;

export const haveBrowser = existsSync(CHROMIUM);

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    timeout: LIMIT_MS,
    // a document that a test hands to the browser has no network of its own, which counts as a foreign one
    args: ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"],
  });
}

/** A page that talks to the world's server. Where that has no dashboard built in, or another one is asked for, the files come from a folder. */
export async function newPage(
  browser: Browser,
  world: World,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1360, height: 860 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    ...options,
  });
  context.setDefaultTimeout(LIMIT_MS);
  const embedded = !OWN_DIST && (await (await fetch(world.url)).text()).includes('<div id="root">');
  if (!embedded) {
    await context.route(
      ({ href }) => href.startsWith(world.url) && /^($|#|assets\/|icon)/.test(href.slice(world.url.length)),
      (route) => {
        const path = new URL(route.request().url()).href.split("#")[0]?.slice(world.url.length) ?? "";
        const file = join(DIST, path === "" ? "index.html" : path);
        const contentType = KINDS[extname(file)] ?? "application/octet-stream";
        return route.fulfill({
          body: readFileSync(file),
          headers: { "content-type": contentType, "content-security-policy": POLICY },
        });
      },
    );
  }
  return context.newPage();
}

/** Opens the dashboard as the address that the server prints does. */
export async function open(page: Page, world: World, view = "live", token = TOKEN): Promise<void> {
  await page.goto(`${world.url}#token=${token}`);
  await whole(page);
  await show(page, view);
}

/** The connection stands and the newest page of the stream is there, or the word that there is none yet. */
export async function whole(page: Page): Promise<void> {
  await page.locator(".phase-live").waitFor();
  await page.locator('.rows[aria-busy="false"], .first').waitFor();
}

export async function show(page: Page, view: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${view}`);
  await page.locator(`main.view-${view.split("/").length > 1 ? "session" : view}`).waitFor();
}

/** Shows one of the sessions that have subagents. */
export async function openSession(page: Page): Promise<void> {
  await show(page, "sessions");
  await page
    .locator(".session")
    .filter({ has: page.locator(".agents") })
    .first()
    .getByRole("link")
    .click();
  await page.locator(".bar").first().waitFor();
}

/** How wide the page is, and what in it can be scrolled to the side. */
export function width(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.max(document.documentElement.scrollWidth, document.querySelector("main")?.scrollWidth ?? 0),
  );
}

/** Everything that goes wrong in a page: uncaught errors, and what the console or the page's policy complains of. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on("pageerror", (error) => found.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") found.push(message.text());
  });
  return found;
}

const isFocused = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);

/** Waits until something has the focus. */
export const focused = (page: Page, selector: string): Promise<void> =>
  until(`${selector} has the focus`, () => isFocused(page, selector));

/** Closes the dialog by its key. The page learns of that a moment after the browser, and could take the next one for it. */
export async function dismiss(page: Page): Promise<void> {
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
}

/** Presses the tab key until something has the focus. */
export async function tabTo(page: Page, what: string, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if (await isFocused(page, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the tab key does not reach ${what}`);
}

/** The number the stream says it has loaded. */
export async function loadedCount(page: Page): Promise<number> {
  return Number((await page.locator(".stream-count").textContent())?.replace(/\D/g, ""));
}

/** Ids of all rows from the first to the last, read off the screen by scrolling until each position was seen. */
export async function idsOnScreen(page: Page): Promise<string[]> {
  return page.evaluate(async (limit) => {
    const list = document.querySelector(".rows");
    if (!list) throw new Error("there is no list");
    const seen = new Map<number, string>();
    let total = -1;
    const frame = () => new Promise(requestAnimationFrame);
    const deadline = performance.now() + limit;
    list.scrollTop = 0;
    while (performance.now() < deadline) {
      await frame();
      await frame();
      const rows = [...list.querySelectorAll<HTMLElement>("[data-id]")];
      const size = Number(rows[0]?.ariaSetSize ?? 0);
      // rows that came meanwhile have moved the others
      if (size !== total) seen.clear();
      total = size;
      for (const { ariaPosInSet, dataset } of rows)
        if (dataset.id) seen.set(Number(ariaPosInSet), dataset.id);
      if (seen.size === total) return [...seen].sort(([a], [b]) => a - b).map(([, id]) => id);
      const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
      list.scrollTop = atEnd ? 0 : list.scrollTop + list.clientHeight;
    }
    throw new Error(`of ${total} rows ${seen.size} were seen`);
  }, LIMIT_MS);
}

/** Waits until the list stands still: where a wheel turns it smoothly, the first of that is told long before the last. */
export async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const list = document.querySelector(".rows");
    for (let top = Number.NaN, same = 0; list && same < 10; ) {
      await new Promise(requestAnimationFrame);
      same = list.scrollTop === top ? same + 1 : 0;
      top = list.scrollTop;
    }
  });
}

interface Restart {
  /** Done once the page knows that the server is away. */
  whileDown?: () => Promise<void>;
  /** Done with the new server before the page gets to it. */
  unseen: () => Promise<void>;
}

/** Kills the server and starts it again, and waits until the page is back, which nobody wakes: it comes by its own waits. */
export async function restart(page: Page, world: World, { whileDown, unseen }: Restart): Promise<void> {
  // every connection begins with these; a browser that is told to be offline would wake the page at the end of it
  const first = /\/api\/v1\/(capabilities|ticket)$/;
  await page.route(first, (route) => route.abort());
  await world.killServer();
  await page.locator(".phase-waiting").waitFor();
  await whileDown?.();
  await world.startServer();
  await unseen();
  if (await page.locator(".phase-live").isVisible()) throw new Error("the page was not held back");
  await page.unroute(first);
  await page.locator(".phase-live").waitFor();
}

/** What the pages of a browser show, for a test that fails. */
export async function sayPages(browser: Browser): Promise<string> {
  const pages = browser.contexts().flatMap((context) => context.pages());
  const said = pages.map(async (page) => {
    const text = await page.locator("body").ariaSnapshot({ timeout: 5000 });
    return `${page.url().split("token=")[0]}\n${text.slice(0, 3000)}`;
  });
  return (await Promise.allSettled(said))
    .map((page) => (page.status === "fulfilled" ? page.value : `a page: ${page.reason}`))
    .join("\n");
}

/** Cells of the heatmap with their counts, as a person who cannot see hears them. */
export async function cells(page: Page): Promise<Map<string, number>> {
  const read = await page
    .locator("[data-cell]")
    .evaluateAll((all) =>
      all.map((cell) => [(cell as HTMLElement).dataset.cell, cell.getAttribute("aria-label")] as const),
    );
  return new Map(
    read.map(([key, label]) => [
      key ?? "",
      Number(/: ([\d,]+) events?$/.exec(label ?? "")?.[1]?.replaceAll(",", "")),
    ]),
  );
}

export const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);
