//! What an event of our monitor says, by type. Fields hold enums, numbers and checked names only.

use serde::Serialize;

use crate::event::EventType;
use crate::names::{AgentId, AgentType, BaseName, ErrorCategory, SessionId, ToolName};

/// A payload; on the wire the fields alone, as the event names the type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Payload {
    /// A session started or ended.
    Session(SessionPayload),
    /// A person typed something.
    Activity(ActivityPayload),
    /// A tool was called or came back.
    Tool(ToolPayload),
    /// A subagent changed its state.
    Agent(AgentPayload),
    /// A session was summed up.
    Summary(SummaryPayload),
    /// The agent could not reach its model.
    Error(ErrorPayload),
}

impl Payload {
    /// The event type that goes with it.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Session(_) => EventType::Session,
            Self::Activity(_) => EventType::Activity,
            Self::Tool(_) => EventType::Tool,
            Self::Agent(_) => EventType::Agent,
            Self::Summary(_) => EventType::Summary,
            Self::Error(_) => EventType::Error,
        }
    }

    /// The payload as compact JSON.
    pub fn to_json(&self) -> String {
        // structs of strings, numbers and enums always serialise
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// See [`EventType::Session`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SessionPayload {
    /// The session.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// Started or ended.
    pub action: SessionAction,
    /// Last component of the directory the session was started in; `unknown` where the transcript names none.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub project: BaseName,
}

/// What a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SessionAction {
    /// Its first record.
    Started,
    /// Its last record before a long silence.
    Ended,
}

/// See [`EventType::Activity`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ActivityPayload {
    /// The session.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// As in [`SessionPayload::project`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub project: Option<BaseName>,
}

/// See [`EventType::Tool`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ToolPayload {
    /// The session, the parent's for a subagent.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// The tool.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub tool: ToolName,
    /// Called or come back.
    pub status: ToolStatus,
    /// Basename of the file a file tool worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub context: Option<BaseName>,
    /// As in [`SessionPayload::project`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub project: Option<BaseName>,
    /// Whether a completed call did what it should.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub success: Option<bool>,
    /// Milliseconds from call to result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub duration_ms: Option<u64>,
    /// The subagent that called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub agent_id: Option<AgentId>,
}

/// Where a tool call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// Called.
    Started,
    /// Come back, well or badly.
    Completed,
}

/// See [`EventType::Agent`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AgentPayload {
    /// The session that started it.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// Where it stands.
    pub state: AgentState,
    /// As in [`SessionPayload::project`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub project: Option<BaseName>,
    /// The subagent, once its result names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub agent_id: Option<AgentId>,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub agent_type: Option<AgentType>,
}

/// Where a subagent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Called.
    Started,
    /// Done.
    Completed,
    /// Given up, refused or broken.
    Failed,
}

/// See [`EventType::Summary`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SummaryPayload {
    /// The session.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// Always the same words.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub summary: FixedSummary,
}

/// The only summary that leaves a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FixedSummary {
    /// `Session ended`.
    #[serde(rename = "Session ended")]
    SessionEnded,
}

/// See [`EventType::Error`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ErrorPayload {
    /// The session.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub session_id: SessionId,
    /// The kind of failure.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub category: ErrorCategory,
}
