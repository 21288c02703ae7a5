//! `GET /api/v1/sessions` and `GET /api/v1/sessions/{id}`.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Parameters of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct SessionsQuery {
    /// Sessions of this source alone.
    pub source: Option<String>,
    /// Sessions of this project alone.
    pub project: Option<String>,
    /// Sessions with an event at or after this moment, RFC 3339.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub from: Option<Timestamp>,
    /// Sessions with an event before this moment, RFC 3339.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub to: Option<Timestamp>,
    /// Sessions in this state alone.
    pub state: Option<SessionState>,
    /// Most sessions of the page, 1 to 200; 50 without it.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200, default = 50))]
    pub limit: Option<u32>,
    /// A cursor: what comes after it in the list.
    pub before: Option<String>,
}

/// Parameters of a single session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct SessionQuery {
    /// Which source's session, where several have one of that id.
    pub source: Option<String>,
}

/// Where a session stands, by the server's clock and the times of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Its latest event is less than 5 minutes old.
    Active,
    /// Its latest event is 5 to 30 minutes old.
    Idle,
    /// Its latest event says so, or nothing came for 30 minutes.
    Ended,
}

impl SessionState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Idle, Self::Ended];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Ended => "ended",
        }
    }
}

/// One session of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its id, as the source gave it.
    pub session_id: String,
    /// Who sent it.
    pub source: String,
    /// What its latest event with a project names.
    pub project: Option<String>,
    /// Time of its earliest event.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub started_at: Timestamp,
    /// Time of its latest event.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub last_event_at: Timestamp,
    /// Where it stands.
    pub state: SessionState,
    /// Its events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
    /// How often a person typed something.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub activity_count: u64,
    /// How often the agent could not reach its model.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub error_count: u64,
    /// Its tools, the most used first.
    pub tools: Vec<ToolUse>,
    /// Its subagents, the first started first.
    pub agents: Vec<AgentUse>,
}

/// How often a session used a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolUse {
    /// The tool; `other` also for what exceeds the number of tools that are told apart.
    pub tool: String,
    /// Calls.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub started: u64,
    /// Results that do not say they failed.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub completed: u64,
    /// Results that say they failed.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub failed: u64,
}

/// What became of the subagents of one id and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentUse {
    /// Its id; null where the event names none, as at the start.
    pub agent_id: Option<String>,
    /// Its kind; null where the event names none.
    pub agent_type: Option<String>,
    /// Starts.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub started: u64,
    /// Good ends.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub completed: u64,
    /// Bad ends.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub failed: u64,
}

/// Sessions, latest event first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionPage {
    /// At most `limit`; fewer, or none, where the search took too long and `older` says where to go on.
    pub sessions: Vec<Session>,
    /// For `before`; null at the end of the list.
    pub older: Option<String>,
    /// The server's clock.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub fetched_at: Timestamp,
}
