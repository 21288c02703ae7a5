import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { complaints, newPage, open, show } from "./browser.ts";
import { suite } from "./suite.ts";

/** Each ends with a character that turns what follows, and a tail by which that is told. */
const TURNED = "\u202egpj.exe";
const NASTY = [
  "<script>window.broken = 1</script>",
  "\"><img src=x onerror='window.broken = 1'>",
  "</title><svg onload=alert(1)>",
  "{{constructor.constructor('alert(1)')()}}",
  "\u001b[31mred\u001b]0;title\u0007",
  "javascript:alert(1)//",
].map((name) => `${name}${TURNED}`);
const SOURCE = `<img src=x onerror=alert(1)>${TURNED}`;

/** What in the page is markup that a name has brought, or text behind a name in the same order of reading. */
function brought(): string[] {
  const root = document.body;
  const found = [
    ...root.querySelectorAll("img:not([src='./icon.svg']), iframe, object, embed, [onerror], [onload]"),
  ].map((element) => element.outerHTML);
  if ("broken" in window) found.push("a script of a name was run");
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    // the system draws a list of choices by itself, one on a line
    if (!element || element.tagName === "OPTION" || !text.textContent?.includes("\u202e")) continue;
    const isolated = getComputedStyle(element).unicodeBidi.startsWith("isolate");
    const isLast = /\u202e[gpj.ex]*$/.test(element.textContent?.trim() ?? "");
    if (!isolated || !isLast) found.push(`${element.tagName}.${element.className}: ${element.textContent}`);
  }
  return found;
}

/** Every text of the page that such a name is part of. */
const shown = (page: Page) =>
  page.evaluate(() => [...document.querySelectorAll("body *")].map(({ textContent }) => textContent ?? ""));

suite("names", { own: SOURCE }, (the) => {
  beforeAll(async () => {
    for (const name of NASTY) {
      const fields = { tool: name, project: name, context: name, sessionId: name };
      await the.world.send(the.world.makeEvents(2, fields));
    }
  });

  test("markup, turned text and control codes are shown as the text they are, everywhere", async () => {
    const page = await newPage(the.browser, the.world);
    const found = complaints(page);
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const check = async (view: string, names: readonly string[] = NASTY) => {
      const texts = new Set(await shown(page));
      for (const name of names)
        expect.soft(texts.has(name), `${view} shows ${JSON.stringify(name)}`).toBe(true);
      expect.soft(await page.evaluate(brought), view).toEqual([]);
    };
    await open(page, the.world);
    await page.locator(".row").nth(11).waitFor();
    await check("live", [...NASTY, SOURCE]);
    await page.locator(".row").last().click();
    await page.getByRole("dialog").waitFor();
    await check("an event", [SOURCE]);
    await page.keyboard.press("Escape");
    await show(page, "sessions");
    await page
      .locator(".session")
      .nth(NASTY.length - 1)
      .waitFor();
    await check("sessions", [...NASTY, SOURCE]);
    await page.locator(".session-name").first().click();
    await page.locator(".bar").first().waitFor();
    await check("a session", [SOURCE]);
    await show(page, "activity");
    await page.locator(".tools-table").waitFor();
    await check("activity", [...NASTY, SOURCE]);
    expect(dialogs).toEqual([]);
    expect(found).toEqual([]);
  });

  test("markup that a name brings, and text behind one, would be seen", async () => {
    const page = await newPage(the.browser, the.world);
    await open(page, the.world);
    const after = (change: () => void) => page.evaluate(change).then(() => page.evaluate(brought));
    expect(await after(() => {})).toEqual([]);
    expect(
      await after(() => document.body.append(Object.assign(document.createElement("img"), { alt: "" }))),
    ).toHaveLength(1);
    const careless = await after(() => {
      document.querySelector("img:not([src])")?.remove();
      const line = Object.assign(document.createElement("p"), { textContent: "\u202egpj.exe is a picture" });
      const part = Object.assign(document.createElement("i"), { textContent: "\u202egpj.exe" });
      document.body.append(line, part);
    });
    expect(careless).toEqual(["P.: \u202egpj.exe is a picture", "I.: \u202egpj.exe"]);
  });
});
