// Generated from the crate `vibetea-protocol` by `cargo xtask gen`. Do not edit.

export type EventType = "session" | "activity" | "tool" | "agent" | "summary" | "error";

export type SessionAction = "started" | "ended";

export type SessionPayload = { 
/**
 * The session.
 */
sessionId: string, 
/**
 * Started or ended.
 */
action: SessionAction, 
/**
 * Last component of the directory the session was started in; `unknown` where the transcript names none.
 */
project: string, };

export type ActivityPayload = { 
/**
 * The session.
 */
sessionId: string, 
/**
 * Last component of the directory the session was started in.
 */
project?: string, };

export type ToolStatus = "started" | "completed";

export type ToolPayload = { 
/**
 * The session, the parent's for a subagent.
 */
sessionId: string, 
/**
 * The tool.
 */
tool: string, 
/**
 * Called or come back.
 */
status: ToolStatus, 
/**
 * Basename of the file a file tool worked on.
 */
context?: string, 
/**
 * Last component of the directory the session was started in.
 */
project?: string, 
/**
 * Whether a completed call did what it should.
 */
success?: boolean, 
/**
 * Milliseconds from call to result.
 */
durationMs?: number, 
/**
 * The subagent that called it.
 */
agentId?: string, };

export type AgentState = "started" | "completed" | "failed";

export type AgentPayload = { 
/**
 * The session that started it.
 */
sessionId: string, 
/**
 * Where it stands.
 */
state: AgentState, 
/**
 * Last component of the directory the session was started in.
 */
project?: string, 
/**
 * The subagent, once its result names it.
 */
agentId?: string, 
/**
 * Its kind.
 */
agentType?: string, };

export type SummaryPayload = { 
/**
 * The session.
 */
sessionId: string, 
/**
 * Always the same words.
 */
summary: string, };

export type ErrorPayload = { 
/**
 * The session.
 */
sessionId: string, 
/**
 * The kind of failure.
 */
category: string, };

export type HourlyAggregate = { 
/**
 * The source.
 */
source: string, 
/**
 * UTC date, `YYYY-MM-DD`.
 */
date: string, 
/**
 * UTC hour, 0 to 23.
 */
hour: number, 
/**
 * Events in that hour, at least 1.
 */
eventCount: number, };

export type QueryMeta = { 
/**
 * Number of rows, not of events.
 */
totalCount: number, 
/**
 * 7 or 30.
 */
daysRequested: number, 
/**
 * The server's clock.
 */
fetchedAt: string, };

export type QueryAnswer = { 
/**
 * Newest hour first, sources ascending within it.
 */
aggregates: Array<HourlyAggregate>, 
/**
 * What was asked and when.
 */
meta: QueryMeta, };

export type IngestAnswer = { 
/**
 * Events that were not stored before.
 */
inserted: number, 
/**
 * A sentence for people.
 */
message: string, };

export type ErrorCode = "method_not_allowed" | "payload_too_large" | "missing_auth" | "unknown_source" | "invalid_signature" | "invalid_token" | "invalid_request" | "empty_batch" | "batch_too_large" | "invalid_event" | "invalid_event_type" | "source_mismatch" | "invalid_days" | "rate_limited" | "forbidden" | "not_found" | "request_timeout" | "unavailable" | "internal_error";

export type Problem = { 
/**
 * The code.
 */
error: ErrorCode, 
/**
 * One sentence that says what was wrong, where, and what is allowed.
 */
message: string, };

export type EventBase<T extends EventType, P> = { id: string; source: string; timestamp: string; type: T; payload: P };

export type VibeTeaEvent =
  | EventBase<"session", SessionPayload>
  | EventBase<"activity", ActivityPayload>
  | EventBase<"tool", ToolPayload>
  | EventBase<"agent", AgentPayload>
  | EventBase<"summary", SummaryPayload>
  | EventBase<"error", ErrorPayload>;

export type ControlFrame = { control: "reset" };
