//! Parameters and answers of `/api/v1`. Every route reads its parameters by the names that stand here.

mod admin;
mod breakdowns;
mod counts;
mod events;
mod sessions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use admin::{
    Enrolment, IssuedToken, NewEnrolment, NewViewerToken, RegisteredKey, RegisteredSource, RegisteredSources,
    RenameSource, Viewer, ViewerToken, ViewerTokens,
};
pub use breakdowns::{
    Breakdowns, BreakdownsMeta, BreakdownsQuery, ProjectCount, SourceCount, ToolBreakdown, TypeCount,
};
pub use counts::{CountBucket, Counts, CountsBy, CountsMeta, CountsQuery, CountsSplit, HourOfWeek};
pub use events::{EventPage, EventsQuery, StoredEvent};
pub use sessions::{AgentUse, Session, SessionPage, SessionQuery, SessionState, SessionsQuery, ToolUse};

use crate::event_type::EventType;
use crate::timestamp::Timestamp;

/// The version all of these types belong to.
pub const VERSION: u32 = 1;

/// What a server can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// The server's release.
    pub version: String,
    /// The version of the routes under `/api`.
    pub api_version: u32,
    /// Whether events are kept; without it every route that needs a history answers 503.
    pub history: bool,
}

/// A single-use ticket for `/ws`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// To be sent as the parameter `ticket`.
    pub ticket: String,
    /// How long it can be used.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub expires_in_seconds: u64,
}

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Stored events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub events: u64,
    /// Sources that have stored events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub sources: u64,
    /// Stored events by type, types without any included.
    #[cfg_attr(feature = "typescript", ts(type = "Record<EventType, number>"))]
    pub by_type: BTreeMap<EventType, u64>,
    /// Time of the earliest event.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub oldest: Option<Timestamp>,
    /// Time of the latest event.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub newest: Option<Timestamp>,
}
