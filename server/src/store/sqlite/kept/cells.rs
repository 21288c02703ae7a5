//! Events by quarter of an hour, by day and by period, each by source, project, type and tool.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection};
use vibetea_protocol::EventType;
use vibetea_protocol::facts::Step;

use super::{DAYS_PER_PERIOD, Durations, Kind, Names, QUARTERS_PER_DAY, Seen};

/// What is counted together; 0 stands for no project and no tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Key {
    /// The quarter of an hour, the day, or the period.
    pub(in crate::store) slot: i64,
    pub(in crate::store) source: i64,
    pub(in crate::store) project: i64,
    pub(in crate::store) event_type: u8,
    pub(in crate::store) tool: i64,
}

/// Counts of one key.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Cell {
    pub(in crate::store) events: i64,
    /// Started, completed and failed tool calls.
    pub(in crate::store) steps: [i64; 3],
    pub(in crate::store) durations: Durations,
}

impl Cell {
    /// Counts an event so many times; -1 takes it away.
    pub(in crate::store) fn add(&mut self, seen: &Seen<'_>, times: i64) {
        self.events += times;
        if seen.event_type != EventType::Tool {
            return;
        }
        if let Some(step) = place(seen.facts.step) {
            self.steps[step] += times;
        }
        let ended = matches!(seen.facts.step, Some(Step::Completed | Step::Failed));
        if let Some(millis) = seen.facts.duration_ms.filter(|_| ended) {
            self.durations.add(millis, times);
        }
    }

    pub(in crate::store) fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.steps.iter_mut().zip(other.steps).for_each(|(sum, more)| *sum += more);
        self.durations.merge(&other.durations);
    }
}

/// The place of a step among started, completed and failed.
pub(super) fn place(step: Option<Step>) -> Option<usize> {
    match step? {
        Step::Started => Some(0),
        Step::Completed => Some(1),
        Step::Failed => Some(2),
        Step::Ended => None,
    }
}

/// Cells of one transaction.
#[derive(Default)]
pub(super) struct Cells {
    quarters: BTreeMap<Key, Cell>,
    /// The name and number of the project of the event before: neighbours mostly share it.
    project: Option<(i64, Arc<str>, i64)>,
}

const QUARTERLY: (&str, &str) = ("quarterly", "quarter");
const DAILY: (&str, &str) = ("daily", "day");
const PERIODIC: (&str, &str) = ("periodic", "period");

impl Cells {
    pub(super) fn key(
        &mut self,
        connection: &Connection,
        names: &mut Names,
        seen: &Seen<'_>,
    ) -> rusqlite::Result<Key> {
        let project = match (&seen.facts.project, &self.project) {
            (None, _) => 0,
            (Some(name), Some((source, last, number)))
                if *source == seen.source && Arc::ptr_eq(name, last) =>
            {
                *number
            }
            (Some(name), _) => {
                let number = names.number(connection, seen.source, Kind::Project, name)?;
                self.project = Some((seen.source, Arc::clone(name), number));
                number
            }
        };
        let tool = match seen.tool() {
            None => 0,
            Some(name) => names.number(connection, seen.source, Kind::Tool, name)?,
        };
        Ok(Key {
            slot: seen.quarter(),
            source: seen.source,
            project,
            event_type: seen.event_type.number(),
            tool,
        })
    }

    pub(super) fn add(&mut self, key: Key, seen: &Seen<'_>) {
        self.quarters.entry(key).or_default().add(seen, 1);
    }

    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        write_all(connection, QUARTERLY, &self.quarters)?;
        let days = coarser(&self.quarters, QUARTERS_PER_DAY);
        write_all(connection, DAILY, &days)?;
        write_all(connection, PERIODIC, &coarser(&days, DAYS_PER_PERIOD))
    }
}

/// The same in slots that are so many times as long.
fn coarser(cells: &BTreeMap<Key, Cell>, times: i64) -> BTreeMap<Key, Cell> {
    let mut sums = BTreeMap::<Key, Cell>::new();
    for (key, cell) in cells {
        sums.entry(Key { slot: key.slot / times, ..*key }).or_default().merge(cell);
    }
    sums
}

fn write_all(
    connection: &Connection,
    table: (&str, &str),
    cells: &BTreeMap<Key, Cell>,
) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(&upsert(table))?;
    cells.iter().try_for_each(|(key, cell)| write(&mut upsert, *key, cell))
}

fn write(upsert: &mut CachedStatement<'_>, key: Key, cell: &Cell) -> rusqlite::Result<()> {
    let durations = Some(cell.durations.encode()).filter(|bytes| !bytes.is_empty());
    let [started, completed, failed] = cell.steps;
    upsert.execute((
        key.slot,
        key.source,
        key.project,
        key.event_type,
        key.tool,
        cell.events,
        started,
        completed,
        failed,
        durations,
    ))?;
    Ok(())
}

fn upsert((table, slot): (&str, &str)) -> String {
    format!(
        "INSERT INTO {table} ({slot}, source, project, type, tool, events, started, completed, failed, durations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT ({slot}, source, project, type, tool) DO UPDATE SET
         events = events + excluded.events, started = started + excluded.started,
         completed = completed + excluded.completed, failed = failed + excluded.failed,
         durations = CASE WHEN excluded.durations IS NULL THEN durations
             ELSE merge_durations(durations, excluded.durations) END"
    )
}
