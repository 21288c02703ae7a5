//! Pages of events. A filter that matches little is helped by the kept counts, which tell where to look.

use std::ops::{self, ControlFlow};

use vibetea_protocol::timestamp::MICROS_PER_QUARTER;

use super::Wanted;
use super::scan::{Direction, Found, Scan};
use super::slots;
use crate::store::tables::{ReadError, Statement, Tables};
use crate::store::{EventsAnswer, EventsQuestion, Position, Side};

/// Events that are looked at for one page, the rest of the last moment apart.
const MOST_EVENTS: usize = 16_000;
/// Rows of the counts that are looked at for one page, the rest of the last quarter apart.
const MOST_COUNTS: usize = 40_000;

const OLDEST: Statement = Statement::per_database(
    "SELECT coalesce(min(ts), 0) FROM event",
    "SELECT coalesce(micros(min(timestamp)), 0) FROM events",
);

/// The page, newest event first.
pub(in crate::store) fn events(
    tables: Tables<'_>,
    question: &EventsQuestion,
) -> Result<EventsAnswer, ReadError> {
    tables.snapshot(|| {
        let direction = match question.side {
            Side::Newest | Side::Before(_) => Direction::Older,
            Side::After(_) => Direction::Newer,
        };
        let between = between(question);
        let wanted = Wanted::find(tables, &question.filter.sources)?;
        let (mut found, next) = match wanted.filter(|_| between.start < between.end) {
            None => (Vec::new(), None),
            Some(wanted) => search(tables, question, &wanted, direction, &between)?,
        };
        if direction == Direction::Newer {
            found.reverse();
        }
        let (newest, oldest) = (found.first().map(Found::position), found.last().map(Found::position));
        let (older, newer) = match &question.side {
            Side::Newest => (next, None),
            Side::Before(cursor) => (next, newest.or_else(|| Some(cursor.clone()))),
            Side::After(cursor) => (oldest.or_else(|| Some(cursor.clone())), next),
        };
        let events = found.into_iter().map(|event| event.stored(tables)).collect::<Result<_, _>>()?;
        Ok(EventsAnswer { events, older, newer })
    })
}

/// What is asked for lies between these two, both excluded.
fn between(question: &EventsQuestion) -> ops::Range<Position> {
    let position = |micros| Position { micros, key: String::new() };
    let (from, to) = (position(question.range.from_micros()), position(question.range.to_micros()));
    match &question.side {
        Side::Newest => from..to,
        Side::Before(cursor) => from..to.min(cursor.clone()),
        Side::After(cursor) => from.max(cursor.clone())..to,
    }
}

fn search(
    tables: Tables<'_>,
    question: &EventsQuestion,
    wanted: &Wanted,
    direction: Direction,
    between: &ops::Range<Position>,
) -> Result<(Vec<Found>, Option<Position>), ReadError> {
    let mut scan = Scan::new(direction, wanted.clone(), &question.filter, question.limit, MOST_EVENTS);
    if question.filter.is_open() {
        scan.search(tables, between)?;
        return Ok(scan.end());
    }
    // counts outlive their events: where no event is left, nothing has to be looked for
    let oldest = tables.one(&OLDEST, &[], |row| row.integer(0))?.unwrap_or_default();
    let start = between.start.clone().max(Position { micros: oldest, key: String::new() });
    let between = &(start..between.end.clone());
    if between.start >= between.end {
        return Ok(scan.end());
    }
    let quarters = between.start.micros / MICROS_PER_QUARTER..between.end.micros / MICROS_PER_QUARTER + 1;
    let filter = (wanted, &question.filter);
    let last = slots::walk(tables, direction, filter, quarters, MOST_COUNTS, |quarter| {
        let slot = slot(quarter);
        let start = Position { micros: slot.start, key: String::new() }.max(between.start.clone());
        let end = Position { micros: slot.end, key: String::new() }.min(between.end.clone());
        scan.search(tables, &(start..end))?;
        Ok(if scan.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if let Some(last) = last {
        scan.stop_behind(&slot(last));
    }
    Ok(scan.end())
}

fn slot(quarter: i64) -> ops::Range<i64> {
    quarter * MICROS_PER_QUARTER..(quarter + 1) * MICROS_PER_QUARTER
}
