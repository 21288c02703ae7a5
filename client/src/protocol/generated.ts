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

export type ErrorCode = "method_not_allowed" | "payload_too_large" | "missing_auth" | "unknown_source" | "invalid_signature" | "invalid_token" | "invalid_code" | "invalid_request" | "empty_batch" | "batch_too_large" | "invalid_event" | "invalid_event_type" | "source_mismatch" | "invalid_days" | "invalid_parameter" | "rate_limited" | "forbidden" | "not_found" | "conflict" | "request_timeout" | "unavailable" | "internal_error";

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

export type Capabilities = { 
/**
 * The server's release.
 */
version: string, 
/**
 * The version of the routes under `/api`.
 */
apiVersion: number, 
/**
 * Whether events are kept; without it every route that needs a history answers 503.
 */
history: boolean, };

export type Ticket = { 
/**
 * To be sent as the parameter `ticket`.
 */
ticket: string, 
/**
 * How long it can be used.
 */
expiresInSeconds: number, };

export type Totals = { 
/**
 * Stored events.
 */
events: number, 
/**
 * Sources that have stored events.
 */
sources: number, 
/**
 * Stored events by type, types without any included.
 */
byType: Record<EventType, number>, 
/**
 * Time of the earliest event.
 */
oldest: string | null, 
/**
 * Time of the latest event.
 */
newest: string | null, };

export type EventsQuery = { 
/**
 * Events of this source alone.
 */
source?: string, 
/**
 * Events of this project alone.
 */
project?: string, 
/**
 * Events of this tool alone.
 */
tool?: string, 
/**
 * Events of this type alone.
 */
type?: EventType, 
/**
 * Events of this session alone.
 */
session?: string, 
/**
 * The earliest moment, RFC 3339.
 */
from?: string, 
/**
 * The first moment that is too late, RFC 3339.
 */
to?: string, 
/**
 * Most events of the page, 1 to 500; 100 without it.
 */
limit?: number, 
/**
 * A cursor: what is older than it.
 */
before?: string, 
/**
 * A cursor: what is newer than it, the page nearest to it.
 */
after?: string, };

export type EventPage = { 
/**
 * At most `limit`; fewer, or none, where the search took too long and a cursor says where to go on.
 */
events: Array<VibeTeaEvent>, 
/**
 * For `before`; null where nothing older is left.
 */
older: string | null, 
/**
 * For `after`; null where nothing newer is there.
 */
newer: string | null, };

export type SessionsQuery = { 
/**
 * Sessions of this source alone.
 */
source?: string, 
/**
 * Sessions of this project alone.
 */
project?: string, 
/**
 * Sessions with an event at or after this moment, RFC 3339.
 */
from?: string, 
/**
 * Sessions with an event before this moment, RFC 3339.
 */
to?: string, 
/**
 * Sessions in this state alone.
 */
state?: SessionState, 
/**
 * Most sessions of the page, 1 to 200; 50 without it.
 */
limit?: number, 
/**
 * A cursor: what comes after it in the list.
 */
before?: string, };

export type SessionQuery = { 
/**
 * Which source's session, where several have one of that id.
 */
source?: string, };

export type SessionState = "active" | "idle" | "ended";

export type ToolUse = { 
/**
 * The tool; `other` also for what exceeds the number of tools that are told apart.
 */
tool: string, 
/**
 * Calls.
 */
started: number, 
/**
 * Results that do not say they failed.
 */
completed: number, 
/**
 * Results that say they failed.
 */
failed: number, };

export type AgentUse = { 
/**
 * Its id; null where the event names none, as at the start.
 */
agentId: string | null, 
/**
 * Its kind; null where the event names none.
 */
agentType: string | null, 
/**
 * Starts.
 */
started: number, 
/**
 * Good ends.
 */
completed: number, 
/**
 * Bad ends.
 */
failed: number, };

export type Session = { 
/**
 * Its id, as the source gave it.
 */
sessionId: string, 
/**
 * Who sent it.
 */
source: string, 
/**
 * What its latest event with a project names.
 */
project: string | null, 
/**
 * Time of its earliest event.
 */
startedAt: string, 
/**
 * Time of its latest event.
 */
lastEventAt: string, 
/**
 * Where it stands.
 */
state: SessionState, 
/**
 * Its events.
 */
eventCount: number, 
/**
 * How often a person typed something.
 */
activityCount: number, 
/**
 * How often the agent could not reach its model.
 */
errorCount: number, 
/**
 * Its tools, the most used first.
 */
tools: Array<ToolUse>, 
/**
 * Its subagents, the first started first.
 */
agents: Array<AgentUse>, };

export type SessionPage = { 
/**
 * At most `limit`; fewer, or none, where the search took too long and `older` says where to go on.
 */
sessions: Array<Session>, 
/**
 * For `before`; null at the end of the list.
 */
older: string | null, 
/**
 * The server's clock.
 */
fetchedAt: string, };

export type CountsQuery = { 
/**
 * The earliest moment, RFC 3339.
 */
from: string, 
/**
 * The first moment that is too late, RFC 3339, at most 366 days and an hour after `from`.
 */
to: string, 
/**
 * An IANA time zone such as `Asia/Kolkata`; `UTC` without it.
 */
tz?: string, 
/**
 * Events of this source alone.
 */
source?: string, 
/**
 * What a bucket is; `hour` without it.
 */
by?: CountsBy, 
/**
 * Parts each bucket further.
 */
split?: CountsSplit, };

export type CountsBy = "hour" | "day" | "hourOfWeek";

export type CountsSplit = "source";

export type CountBucket = { 
/**
 * Where it begins: local time with its offset, such as `2026-11-25T10:00:00+05:30`.
 */
start: string, 
/**
 * The source, where the counts are split.
 */
source?: string, 
/**
 * Events, at least 1.
 */
eventCount: number, };

export type HourOfWeek = { 
/**
 * 1 for Monday to 7 for Sunday.
 */
weekday: number, 
/**
 * Hour of the day, 0 to 23.
 */
hour: number, 
/**
 * The source, where the counts are split.
 */
source?: string, 
/**
 * Events, at least 1.
 */
eventCount: number, };

export type CountsMeta = { 
/**
 * The time zone the buckets are cut in.
 */
timeZone: string, 
/**
 * The earliest moment.
 */
from: string, 
/**
 * The first moment that is too late.
 */
to: string, 
/**
 * Events in the range.
 */
totalCount: number, 
/**
 * The server's clock.
 */
fetchedAt: string, };

export type Counts = { 
/**
 * Hours or days that are not empty.
 */
counts?: Array<CountBucket>, 
/**
 * In place of `counts` where hours of the week were asked for.
 */
hoursOfWeek?: Array<HourOfWeek>, 
/**
 * What was asked and when.
 */
meta: CountsMeta, };

export type BreakdownsQuery = { 
/**
 * The earliest moment, RFC 3339; without it the first event.
 */
from?: string, 
/**
 * The first moment that is too late, RFC 3339; without it the end of time.
 */
to?: string, 
/**
 * Events of this source alone.
 */
source?: string, 
/**
 * Events of this project alone.
 */
project?: string, };

export type ToolBreakdown = { 
/**
 * The tool; `other` also for what exceeds the number of tools that are told apart.
 */
tool: string, 
/**
 * Calls.
 */
started: number, 
/**
 * Results that do not say they failed.
 */
completed: number, 
/**
 * Results that say they failed.
 */
failed: number, 
/**
 * Half of the results came within this time, give or take 5 %; null where no result tells one.
 */
medianDurationMs: number | null, 
/**
 * 95 % of the results came within this time, give or take 5 %; null where no result tells one.
 */
p95DurationMs: number | null, };

export type ProjectCount = { 
/**
 * The project; null for events that name none.
 */
project: string | null, 
/**
 * Its events.
 */
eventCount: number, };

export type SourceCount = { 
/**
 * The source.
 */
source: string, 
/**
 * Its events.
 */
eventCount: number, };

export type TypeCount = { 
/**
 * The type.
 */
type: EventType, 
/**
 * Its events.
 */
eventCount: number, };

export type BreakdownsMeta = { 
/**
 * The earliest moment; null where none was asked for.
 */
from: string | null, 
/**
 * The first moment that is too late; null where none was asked for.
 */
to: string | null, 
/**
 * Events in the range.
 */
totalCount: number, 
/**
 * The server's clock.
 */
fetchedAt: string, };

export type Breakdowns = { 
/**
 * By tool, the most results and calls first.
 */
tools: Array<ToolBreakdown>, 
/**
 * By project.
 */
projects: Array<ProjectCount>, 
/**
 * By source.
 */
sources: Array<SourceCount>, 
/**
 * By type.
 */
types: Array<TypeCount>, 
/**
 * What was asked and when.
 */
meta: BreakdownsMeta, };

export type Viewer = { 
/**
 * Whether the admin routes answer.
 */
admin: boolean, 
/**
 * The sources that are shown; `null` for all.
 */
sources: Array<string> | null, 
/**
 * Which of the tokens of `GET /api/v1/admin/tokens` it is; `null` for that of the configuration.
 */
token: string | null, };

export type RegisteredKey = { 
/**
 * The first 16 hexadecimal digits of the key's SHA-256.
 */
fingerprint: string, 
/**
 * When it was registered; none for a key of the configuration.
 */
added: string | null, 
/**
 * When it ceases to be taken, where another one has replaced it.
 */
expires: string | null, };

export type RegisteredSource = { 
/**
 * Its name.
 */
name: string, 
/**
 * Whether it stands in the server's configuration, where alone it can be changed.
 */
configured: boolean, 
/**
 * Its keys in force.
 */
keys: Array<RegisteredKey>, 
/**
 * When it was revoked; none while it may send.
 */
revoked: string | null, 
/**
 * When a signed request of it was last let in.
 */
lastSeen: string | null, 
/**
 * Time of its latest event.
 */
lastEvent: string | null, 
/**
 * The release its monitor tells.
 */
version: string | null, };

export type RegisteredSources = { 
/**
 * Every source that is or was registered.
 */
sources: Array<RegisteredSource>, };

export type NewEnrolment = { 
/**
 * The name under which that monitor will send.
 */
source: string, };

export type Enrolment = { 
/**
 * The name under which that monitor will send.
 */
source: string, 
/**
 * Eight characters, `XXXX-XXXX`.
 */
code: string, 
/**
 * What to paste on the monitor's machine.
 */
command: string, 
/**
 * How long the code can be used.
 */
expiresInSeconds: number, };

export type RenameSource = { 
/**
 * The new name.
 */
name: string, };

export type ViewerToken = { 
/**
 * What it is called by in other requests.
 */
id: string, 
/**
 * Whose it is.
 */
name: string, 
/**
 * Whether it opens the admin routes.
 */
admin: boolean, 
/**
 * The sources it shows; `null` for all.
 */
sources: Array<string> | null, 
/**
 * When it was made.
 */
created: string, 
/**
 * When it ceases to be taken.
 */
expires: string | null, 
/**
 * When it was last shown, to the minute.
 */
lastUsed: string | null, };

export type ViewerTokens = { 
/**
 * Every token that was not revoked.
 */
tokens: Array<ViewerToken>, };

export type NewViewerToken = { 
/**
 * Whose it is: 1 to 64 characters without control characters.
 */
name: string, 
/**
 * Whether it opens the admin routes; such a token shows all sources.
 */
admin: boolean, 
/**
 * The sources it shows; without it all.
 */
sources?: Array<string>, 
/**
 * After how many days it ceases to be taken, 1 to 3650; without it never.
 */
expiresInDays?: number, };

export type IssuedToken = { 
/**
 * The token.
 */
token: string, 
/**
 * What is kept of it.
 */
entry: ViewerToken, };

export type ControlFrame = { control: "reset" };
