//! `GET /api/v1/events`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::EventId;
use crate::event_type::EventType;
use crate::timestamp::Timestamp;

/// Parameters of the route. `before` and `after` exclude each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct EventsQuery {
    /// Events of this source alone.
    pub source: Option<String>,
    /// Events of this project alone.
    pub project: Option<String>,
    /// Events of this tool alone.
    pub tool: Option<String>,
    /// Events of this type alone.
    #[serde(rename = "type")]
    pub event_type: Option<EventType>,
    /// Events of this session alone.
    pub session: Option<String>,
    /// The earliest moment, RFC 3339.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub from: Option<Timestamp>,
    /// The first moment that is too late, RFC 3339.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub to: Option<Timestamp>,
    /// Most events of the page, 1 to 500; 100 without it.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 500, default = 100))]
    pub limit: Option<u32>,
    /// A cursor: what is older than it.
    pub before: Option<String>,
    /// A cursor: what is newer than it, the page nearest to it.
    pub after: Option<String>,
}

/// A stored event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredEvent {
    /// Unique in the store.
    pub id: EventId,
    /// Who sent it.
    pub source: String,
    /// When it happened, by the sender.
    pub timestamp: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// A JSON object, as it was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Box<RawValue>,
}

/// Events by time and id, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// At most `limit`; fewer, or none, where the search took too long and a cursor says where to go on.
    #[cfg_attr(feature = "typescript", ts(type = "Array<VibeTeaEvent>"))]
    pub events: Vec<StoredEvent>,
    /// For `before`; null where nothing older is left.
    pub older: Option<String>,
    /// For `after`; null where nothing newer is there.
    pub newer: Option<String>,
}
