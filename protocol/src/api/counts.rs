//! `GET /api/v1/counts`.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Parameters of the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase")]
pub struct CountsQuery {
    /// The earliest moment, RFC 3339.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub from: Timestamp,
    /// The first moment that is too late, RFC 3339, at most 366 days and an hour after `from`.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub to: Timestamp,
    /// An IANA time zone such as `Asia/Kolkata`; `UTC` without it.
    pub tz: Option<String>,
    /// Events of this source alone.
    pub source: Option<String>,
    /// What a bucket is; `hour` without it.
    pub by: Option<CountsBy>,
    /// Parts each bucket further.
    pub split: Option<CountsSplit>,
}

/// What a bucket is, in the asked time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum CountsBy {
    /// An hour of a day; one that the clocks go through twice is two.
    Hour,
    /// A day, of 23 or 25 hours where the clocks are changed.
    Day,
    /// An hour of the week, summed over all weeks.
    HourOfWeek,
}

/// What parts a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CountsSplit {
    /// One count for each source.
    Source,
}

/// Events of an hour or of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CountBucket {
    /// Where it begins: local time with its offset, such as `2026-11-25T10:00:00+05:30`.
    pub start: String,
    /// The source, where the counts are split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub source: Option<String>,
    /// Events, at least 1.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// Events of an hour of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HourOfWeek {
    /// 1 for Monday to 7 for Sunday.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 7))]
    pub weekday: u8,
    /// Hour of the day, 0 to 23.
    #[cfg_attr(feature = "openapi", schema(maximum = 23))]
    pub hour: u8,
    /// The source, where the counts are split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub source: Option<String>,
    /// Events, at least 1.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// The counts, earliest bucket first, sources ascending within one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Hours or days that are not empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub counts: Option<Vec<CountBucket>>,
    /// In place of `counts` where hours of the week were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub hours_of_week: Option<Vec<HourOfWeek>>,
    /// What was asked and when.
    pub meta: CountsMeta,
}

/// See [`Counts`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CountsMeta {
    /// The time zone the buckets are cut in.
    pub time_zone: String,
    /// The earliest moment.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub from: Timestamp,
    /// The first moment that is too late.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub to: Timestamp,
    /// Events in the range.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub total_count: u64,
    /// The server's clock.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub fetched_at: Timestamp,
}
