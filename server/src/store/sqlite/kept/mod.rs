//! Kept counts beyond the hours: sessions, and events by project, type and tool. Taken in memory over a transaction
//! and written in the same one, a statement for each distinct key.

mod backfill;
mod cells;
mod durations;
mod names;
mod sessions;

use rusqlite::Connection;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_protocol::{EventType, Timestamp};

use crate::store::Facts;
use cells::Cells;
use sessions::Sessions;

pub(super) use backfill::count_uncounted;
pub(in crate::store) use cells::Cell;
pub(in crate::store) use durations::{DurationSums, Durations, register};
pub(in crate::store) use names::{Kind, Names, OTHER, kept};

/// Quarters of an hour in a day.
pub(in crate::store) const QUARTERS_PER_DAY: i64 = 96;
/// Days in a period, about a month.
pub(in crate::store) const DAYS_PER_PERIOD: i64 = 32;

/// A new event, as far as it is counted.
pub(in crate::store) struct Seen<'a> {
    pub(in crate::store) source: i64,
    pub(in crate::store) timestamp: Timestamp,
    pub(in crate::store) event_type: EventType,
    pub(in crate::store) facts: &'a Facts,
}

impl Seen<'_> {
    fn micros(&self) -> i64 {
        self.timestamp.as_micros()
    }

    fn quarter(&self) -> i64 {
        self.micros() / MICROS_PER_QUARTER
    }

    /// The tool of a tool event.
    pub(in crate::store) fn tool(&self) -> Option<&str> {
        let named = self.facts.tool.as_deref().filter(|tool| !tool.is_empty());
        (self.event_type == EventType::Tool).then(|| named.unwrap_or(OTHER))
    }
}

/// What the events of one transaction add.
#[derive(Default)]
pub(super) struct Kept {
    cells: Cells,
    sessions: Sessions,
}

impl Kept {
    /// Counts an event that was stored just now.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        names: &mut Names,
        seen: &Seen<'_>,
    ) -> rusqlite::Result<()> {
        let key = self.cells.key(connection, names, seen)?;
        self.cells.add(key, seen);
        self.sessions.add(key.tool, seen);
        Ok(())
    }

    /// Adds everything to the tables.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        self.cells.write(connection)?;
        self.sessions.write(connection)
    }
}
