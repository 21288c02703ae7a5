import type { EventType } from "./generated.ts";

/** An event as the page keeps it: checked and flat, so that ten thousand of them stay small. */
export interface StreamEvent {
  id: string;
  source: string;
  /** Milliseconds since 1970. */
  at: number;
  type: EventType;
  session: string;
  project: string | null;
  tool: string | null;
  /** Where it stands: the action of a session, the status of a tool, the state of an agent. */
  state: string | null;
  context: string | null;
  success: boolean | null;
  durationMs: number | null;
  agentId: string | null;
  agentType: string | null;
  category: string | null;
}

/** What a frame of the live stream says. */
export type Frame = { kind: "event"; event: StreamEvent } | { kind: "reset" } | { kind: "bad" };

/** Types of events, in the order in which people meet them. */
export const EVENT_TYPES: readonly EventType[] = ["session", "activity", "tool", "agent", "error", "summary"];

const isType = (value: unknown): value is EventType => (EVENT_TYPES as readonly unknown[]).includes(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Reads an event of any monitor; null where it is none. */
export function decodeEvent(value: unknown): StreamEvent | null {
  if (!isRecord(value) || !isRecord(value.payload)) return null;
  const { id, source, timestamp, type, payload } = value;
  if (typeof id !== "string" || typeof source !== "string" || typeof timestamp !== "string") return null;
  const at = Date.parse(timestamp);
  if (Number.isNaN(at) || !isType(type)) return null;
  return {
    id,
    source,
    at,
    type,
    session: text(payload.sessionId) ?? "",
    project: text(payload.project),
    tool: text(payload.tool),
    state: text(payload.action) ?? text(payload.status) ?? text(payload.state),
    context: text(payload.context),
    success: typeof payload.success === "boolean" ? payload.success : null,
    durationMs: typeof payload.durationMs === "number" ? payload.durationMs : null,
    agentId: text(payload.agentId),
    agentType: text(payload.agentType),
    category: text(payload.category),
  };
}

/** Reads one frame of the socket; what cannot be read is bad rather than an exception. */
export function decodeFrame(data: unknown): Frame {
  if (typeof data !== "string") return { kind: "bad" };
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { kind: "bad" };
  }
  if (isRecord(value) && value.control === "reset") return { kind: "reset" };
  const event = decodeEvent(value);
  return event ? { kind: "event", event } : { kind: "bad" };
}

/** Total order of events, the server's: by time, then by id. */
export function compareEvents(a: StreamEvent, b: StreamEvent): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
