//! Kept counts beyond the hours: sessions, and events by project, type and tool. Taken in memory over a transaction;
//! each database writes them in its own way, in the same transaction.

mod cells;
mod durations;
mod names;
mod sessions;

use std::sync::Arc;

use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_protocol::{EventType, Timestamp};

use crate::store::Facts;
use cells::Cells;

pub(in crate::store) use cells::{Cell, CellTables, Key};
pub(in crate::store) use durations::{DurationSums, Durations};
pub(in crate::store) use names::{Kind, Known, Names, OTHER, kept};
pub(in crate::store) use sessions::{Agent, MOST_AGENTS, Session, Sessions};

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
pub(in crate::store) struct Kept {
    cells: Cells,
    sessions: Sessions,
    /// The name and number of the project of the event before: neighbours mostly share it.
    project: Option<(i64, Arc<str>, i64)>,
}

impl Kept {
    /// Counts an event that was stored just now; `number` gives the number of a name of its source.
    pub(in crate::store) fn add<E>(
        &mut self,
        mut number: impl FnMut(i64, Kind, &str) -> Result<i64, E>,
        seen: &Seen<'_>,
    ) -> Result<(), E> {
        let project = match (&seen.facts.project, &self.project) {
            (None, _) => 0,
            (Some(name), Some((source, last, known)))
                if *source == seen.source && Arc::ptr_eq(name, last) =>
            {
                *known
            }
            (Some(name), _) => {
                let number = number(seen.source, Kind::Project, name)?;
                self.project = Some((seen.source, Arc::clone(name), number));
                number
            }
        };
        let tool = match seen.tool() {
            None => 0,
            Some(name) => number(seen.source, Kind::Tool, name)?,
        };
        self.cells.add(project, tool, seen);
        self.sessions.add(tool, seen);
        Ok(())
    }

    /// What belongs into the tables.
    pub(in crate::store) fn into_tables(self) -> (CellTables, Sessions) {
        (self.cells.into_tables(), self.sessions)
    }
}
