import { scaleLinear } from "d3-scale";
import type { Mark, Span } from "./spans.ts";

/** Silence longer than this is drawn short. */
const LONG_SILENCE_MS = 60_000;
const GAP_SHARE = 0.012;
const MOST_GAPS_SHARE = 0.3;

export interface TimeScale {
  /** Where a moment stands, from 0 to 1. */
  place(at: number): number;
  /** Stretches of silence that are drawn short. */
  gaps: { from: number; to: number; start: number; end: number }[];
  /** Moments worth a label, far enough from each other. */
  labels: { at: number; place: number }[];
}

/** A time axis on which work has room and long silence has little. */
export function timeScale(spans: readonly Span[], marks: readonly Mark[], labelShare: number): TimeScale {
  const busy = busyTimes(spans, marks);
  const silences = busy
    .slice(1)
    .map(({ start }, index) => ({ start: busy[index]?.end ?? start, end: start }));
  const gapShare = silences.length === 0 ? 0 : Math.min(GAP_SHARE, MOST_GAPS_SHARE / silences.length);
  const worked = Math.max(
    1,
    busy.reduce((sum, { start, end }) => sum + end - start, 0),
  );
  const perMs = (1 - gapShare * silences.length) / worked;

  const [domain, range]: [number[], number[]] = [[], []];
  let at = 0;
  for (const { start, end } of busy) {
    domain.push(start, end);
    range.push(at, at + (end - start) * perMs);
    at += (end - start) * perMs + gapShare;
  }
  const scale = scaleLinear(domain, range).clamp(true);
  const gaps = silences.map(({ start, end }) => ({ start, end, from: scale(start), to: scale(end) }));

  const labels: TimeScale["labels"] = [];
  for (const { start } of busy) {
    const place = scale(start);
    if (place <= 1 - labelShare && place - (labels.at(-1)?.place ?? -1) >= labelShare)
      labels.push({ at: start, place });
  }
  return { place: (moment) => scale(moment), gaps, labels };
}

/** Times in which something happened, those close to each other as one. */
function busyTimes(spans: readonly Span[], marks: readonly Mark[]) {
  const times = [
    ...spans.map(({ start, end }) => ({ start, end })),
    ...marks.map(({ at }) => ({ start: at, end: at })),
  ];
  const busy: { start: number; end: number }[] = [];
  for (const { start, end } of times.sort((a, b) => a.start - b.start)) {
    const last = busy.at(-1);
    if (last && start - last.end <= LONG_SILENCE_MS) last.end = Math.max(last.end, end);
    else busy.push({ start, end });
  }
  // a moment alone needs a little room as well
  return busy.map(({ start, end }) => ({ start, end: Math.max(end, start + 1000) }));
}
