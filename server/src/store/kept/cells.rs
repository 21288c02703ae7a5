//! Events by quarter of an hour, by day and by period, each by source, project, type and tool.

use std::collections::BTreeMap;

use vibetea_protocol::EventType;
use vibetea_protocol::facts::Step;

use super::{DAYS_PER_PERIOD, Durations, QUARTERS_PER_DAY, Seen};

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
pub(super) struct Cells(BTreeMap<Key, Cell>);

/// What is added to each table of cells.
pub(in crate::store) struct CellTables {
    pub(in crate::store) quarterly: BTreeMap<Key, Cell>,
    pub(in crate::store) daily: BTreeMap<Key, Cell>,
    pub(in crate::store) periodic: BTreeMap<Key, Cell>,
}

impl Cells {
    pub(super) fn add(&mut self, project: i64, tool: i64, seen: &Seen<'_>) {
        let (slot, source, event_type) = (seen.quarter(), seen.source, seen.event_type.number());
        self.0.entry(Key { slot, source, project, event_type, tool }).or_default().add(seen, 1);
    }

    pub(super) fn into_tables(self) -> CellTables {
        let daily = coarser(&self.0, QUARTERS_PER_DAY);
        let periodic = coarser(&daily, DAYS_PER_PERIOD);
        CellTables { quarterly: self.0, daily, periodic }
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
