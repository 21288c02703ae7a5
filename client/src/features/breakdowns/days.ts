import { scaleLinear } from "d3-scale";
import { stack, stackOrderNone } from "d3-shape";
import { addDays, type Day, dayAt, isoDay, startOfDay } from "../../lib/zone.ts";
import type { CountBucket } from "../../protocol/generated.ts";

/** Sources with a colour of their own; the rest is one. */
const MOST_SOURCES = 5;
const OTHERS = "others";

export interface DayColumn {
  key: string;
  day: Day;
  start: number;
  end: number;
  total: number;
  /** Parts of the column from 0 to 1, the lowest first. */
  parts: { source: string; count: number; from: number; to: number }[];
}

export interface DayChart {
  /** The busiest first; a source's place is its colour. */
  sources: string[];
  columns: DayColumn[];
  ticks: { value: number; place: number }[];
}

/** Stacks the sources of every day of a range, days without events included. */
export function dayChart(counts: readonly CountBucket[], from: number, to: number, zone: string): DayChart {
  const bySource = new Map<string, number>();
  for (const { source = OTHERS, eventCount } of counts)
    bySource.set(source, (bySource.get(source) ?? 0) + eventCount);
  const ranked = [...bySource].sort((a, b) => b[1] - a[1]).map(([source]) => source);
  const sources = ranked.length > MOST_SOURCES ? [...ranked.slice(0, MOST_SOURCES), OTHERS] : ranked;

  const byDay = new Map<string, Map<string, number>>();
  for (const { start, source = OTHERS, eventCount } of counts) {
    const day = byDay.get(start.slice(0, 10)) ?? new Map<string, number>();
    const name = sources.includes(source) ? source : OTHERS;
    byDay.set(start.slice(0, 10), day.set(name, (day.get(name) ?? 0) + eventCount));
  }

  const days: Day[] = [];
  for (let day = dayAt(zone, from); startOfDay(zone, day) < to; day = addDays(day, 1)) days.push(day);
  const rows = days.map((day) => ({
    day,
    key: isoDay(day),
    counts: byDay.get(isoDay(day)) ?? new Map<string, number>(),
  }));
  const layers = stack<unknown, (typeof rows)[number], string>()
    .keys(sources)
    .order(stackOrderNone)
    .value((row, source) => row.counts.get(source) ?? 0)(rows);
  const totals = rows.map(({ counts }) => [...counts.values()].reduce((sum, count) => sum + count, 0));
  const scale = scaleLinear([0, Math.max(1, ...totals)], [0, 1]).nice(4);

  const columns = rows.map(({ day, key, counts }, index) => ({
    key,
    day,
    start: startOfDay(zone, day),
    end: startOfDay(zone, addDays(day, 1)),
    total: totals[index] ?? 0,
    parts: layers.map((layer) => {
      const [low = 0, high = 0] = layer[index] ?? [];
      return { source: layer.key, count: counts.get(layer.key) ?? 0, from: scale(low), to: scale(high) };
    }),
  }));
  const ticks = scale.ticks(4).filter(Number.isInteger);
  return { sources, columns, ticks: ticks.map((value) => ({ value, place: scale(value) })) };
}
