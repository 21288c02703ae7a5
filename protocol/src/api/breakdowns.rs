//! `GET /api/v1/breakdowns`.

use serde::{Deserialize, Serialize};

use crate::event_type::EventType;
use crate::timestamp::Timestamp;

/// Parameters of the route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct BreakdownsQuery {
    /// The earliest moment, RFC 3339; without it the first event.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub from: Option<Timestamp>,
    /// The first moment that is too late, RFC 3339; without it the end of time.
    #[cfg_attr(feature = "typescript", ts(optional, type = "string"))]
    pub to: Option<Timestamp>,
    /// Events of this source alone.
    pub source: Option<String>,
    /// Events of this project alone.
    pub project: Option<String>,
}

/// What became of the calls of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ToolBreakdown {
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
    /// Half of the results came within this time, give or take 5 %; null where no result tells one.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub median_duration_ms: Option<u64>,
    /// 95 % of the results came within this time, give or take 5 %; null where no result tells one.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub p95_duration_ms: Option<u64>,
}

/// Events of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectCount {
    /// The project; null for events that name none.
    pub project: Option<String>,
    /// Its events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// Events of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SourceCount {
    /// The source.
    pub source: String,
    /// Its events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// Events of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypeCount {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Its events.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// The same events seen from four sides, each list with the biggest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Breakdowns {
    /// By tool, the most results and calls first.
    pub tools: Vec<ToolBreakdown>,
    /// By project.
    pub projects: Vec<ProjectCount>,
    /// By source.
    pub sources: Vec<SourceCount>,
    /// By type.
    pub types: Vec<TypeCount>,
    /// What was asked and when.
    pub meta: BreakdownsMeta,
}

/// See [`Breakdowns`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakdownsMeta {
    /// The earliest moment; null where none was asked for.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub from: Option<Timestamp>,
    /// The first moment that is too late; null where none was asked for.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub to: Option<Timestamp>,
    /// Events in the range.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub total_count: u64,
    /// The server's clock.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub fetched_at: Timestamp,
}
