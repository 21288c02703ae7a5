import axe from "axe-core";
import type { Page } from "playwright-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** How the page may be coloured; all but the first one differ in their colours alone. */
export const COLOURINGS = [
  { colorScheme: "light", contrast: "no-preference", colours: false },
  { colorScheme: "dark", contrast: "no-preference", colours: true },
  { colorScheme: "light", contrast: "more", colours: true },
  { colorScheme: "dark", contrast: "more", colours: true },
] as const;

/** What axe finds against the guidelines on the page as it is; where only colours differ, what it finds about colours. */
export async function violations(page: Page, colours = false): Promise<string[]> {
  await page.evaluate(axe.source);
  const runOnly = colours ? { type: "rule", values: ["color-contrast"] } : { type: "tag", values: TAGS };
  const { violations } = await page.evaluate((runOnly) => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    return inPage.run({ runOnly: runOnly as axe.RunOnly, resultTypes: ["violations"] });
  }, runOnly);
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ target, failureSummary }) => `${target} ${failureSummary}`)
        .slice(0, 3)
        .join("; ")}`,
  );
}
