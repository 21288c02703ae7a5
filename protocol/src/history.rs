//! The answers of the two hosted routes.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Answer of the batch route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct IngestAnswer {
    /// Events that were not stored before.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub inserted: u64,
    /// A sentence for people.
    pub message: String,
}

impl IngestAnswer {
    /// The answer to a batch of `received` events of which `inserted` were new.
    pub fn new(received: u64, inserted: u64) -> Self {
        let message = match received.saturating_sub(inserted) {
            0 => format!("Successfully processed {received} events"),
            skipped => format!("Successfully processed {received} events ({skipped} duplicates skipped)"),
        };
        Self { inserted, message }
    }
}

/// Events of one source in one UTC hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HourlyAggregate {
    /// The source.
    pub source: String,
    /// UTC date, `YYYY-MM-DD`.
    pub date: String,
    /// UTC hour, 0 to 23.
    pub hour: u8,
    /// Events in that hour, at least 1.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub event_count: u64,
}

/// Answer of the query route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct QueryAnswer {
    /// Newest hour first, sources ascending within it.
    pub aggregates: Vec<HourlyAggregate>,
    /// What was asked and when.
    pub meta: QueryMeta,
}

/// See [`QueryAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct QueryMeta {
    /// Number of rows, not of events.
    pub total_count: usize,
    /// 7 or 30.
    pub days_requested: u32,
    /// The server's clock.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub fetched_at: Timestamp,
}
