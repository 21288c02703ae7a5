import type { StreamEvent } from "../../protocol/decode.ts";

/** A tool call from its start to its end. */
export interface Span {
  id: string;
  tool: string;
  agentId: string | null;
  context: string | null;
  start: number;
  /** The start where no end is known. */
  end: number;
  outcome: "ok" | "failed" | "open";
}

/** A moment that has no length. */
export interface Mark {
  id: string;
  at: number;
  event: StreamEvent;
}

/** Results may be rounded to their millisecond on another way than calls. */
const TOLERANCE_MS = 5;

/** Puts calls and results together. An event names no call, but a result tells how long ago its call was. */
export function readSpans(events: readonly StreamEvent[]): { spans: Span[]; marks: Mark[] } {
  const open = new Map<string, StreamEvent[]>();
  const spans: Span[] = [];
  const marks: Mark[] = [];
  for (const event of events) {
    if (event.type !== "tool") {
      marks.push({ id: event.id, at: event.at, event });
      continue;
    }
    const key = `${event.tool} ${event.agentId}`;
    const waiting = open.get(key) ?? [];
    if (event.state === "started") {
      open.set(key, [...waiting, event]);
      continue;
    }
    const call = callOf(event, waiting);
    if (call) {
      open.set(
        key,
        waiting.filter((other) => other !== call),
      );
    }
    const start = event.durationMs === null ? (call?.at ?? event.at) : event.at - event.durationMs;
    spans.push({
      ...base(event),
      context: event.context ?? call?.context ?? null,
      start,
      end: event.at,
      outcome: event.success === false ? "failed" : "ok",
    });
  }
  for (const call of [...open.values()].flat()) {
    spans.push({ ...base(call), context: call.context, start: call.at, end: call.at, outcome: "open" });
  }
  return { spans: spans.sort((a, b) => a.start - b.start || a.end - b.end), marks };
}

function base({ id, tool, agentId }: StreamEvent) {
  return { id, tool: tool ?? "other", agentId };
}

function callOf(result: StreamEvent, waiting: readonly StreamEvent[]): StreamEvent | undefined {
  const { at, durationMs } = result;
  if (durationMs === null) return waiting[0];
  return waiting.find((call) => Math.abs(call.at - (at - durationMs)) <= TOLERANCE_MS);
}

/** The spans of one agent, each on the first line that is free when it starts. */
export interface Lane {
  agentId: string | null;
  spans: { span: Span; line: number }[];
  lines: number;
}

const MOST_LINES = 6;

/** One lane for the session itself and one for every subagent that used a tool, in the order of their first call. */
export function readLanes(spans: readonly Span[]): Lane[] {
  const lanes = new Map<string | null, Lane & { free: number[] }>([
    [null, { agentId: null, spans: [], lines: 1, free: [] }],
  ]);
  for (const span of spans) {
    const lane = lanes.get(span.agentId) ?? { agentId: span.agentId, spans: [], lines: 1, free: [] };
    lanes.set(span.agentId, lane);
    const found = lane.free.findIndex((until) => until <= span.start);
    const line = Math.min(found < 0 ? lane.free.length : found, MOST_LINES - 1);
    lane.free[line] = span.end;
    lane.spans.push({ span, line });
    lane.lines = Math.max(lane.lines, line + 1);
  }
  return [...lanes.values()].map(({ agentId, spans, lines }) => ({ agentId, spans, lines }));
}
