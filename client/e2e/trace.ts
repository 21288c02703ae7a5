import type { Browser, Page } from "playwright-core";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Processor time in microseconds. */
  tdur?: number;
  args: { name?: string };
}

/** Tasks of the page's main thread while something goes on: the processor time of each in milliseconds, whatever else the machine did meanwhile. */
export async function tasksDuring(browser: Browser, page: Page, run: () => Promise<void>): Promise<number[]> {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await run();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threads = new Map<string, number[]>();
  for (const { name, pid, tid, args } of trace.traceEvents)
    if (name === "thread_name" && args.name === "CrRendererMain") threads.set(`${pid} ${tid}`, []);
  for (const { name, ph, pid, tid, tdur } of trace.traceEvents)
    if (ph === "X" && name.endsWith("RunTask")) threads.get(`${pid} ${tid}`)?.push((tdur ?? 0) / 1000);
  const sum = (tasks: number[]) => tasks.reduce((total, task) => total + task, 0);
  return [...threads.values()].sort((a, b) => sum(b) - sum(a))[0] ?? [];
}
