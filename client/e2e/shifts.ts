import type { Page } from "playwright-core";

interface Shift {
  by: number;
  what: string;
}

/** Notes in a page what moves on its own from now on, by how much of the page it moves. */
export function watchShifts() {
  const shifts: Shift[] = [];
  Object.assign(window, { shifts });
  interface LayoutShift extends PerformanceEntry {
    value: number;
    hadRecentInput: boolean;
    sources: { node: Node | null }[];
  }
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries() as LayoutShift[]) {
      const what = sources.map(({ node }) => (node instanceof Element ? node.className : node?.nodeName));
      shifts.push({ by: value, what: what.join(", ") });
    }
  }).observe({ type: "layout-shift", buffered: true });
}

/** What has moved in a page that is watched, by more than hardly anybody notices. */
export async function jumps(page: Page): Promise<Shift[]> {
  const shifts = await page.evaluate(() => (window as unknown as { shifts: Shift[] }).shifts);
  return shifts.filter(({ by }) => by > 0.02);
}
