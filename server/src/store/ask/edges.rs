//! From a range of microseconds to whole quarters of an hour and the few events that make them exact.

use std::ops;

use vibetea_protocol::timestamp::MICROS_PER_QUARTER;

use crate::store::Range;
use crate::store::tables::{ReadError, Statement, Tables};

const ANY: Statement = Statement::per_database(
    "SELECT 1 FROM event WHERE ts >= ?1 AND ts < ?2 LIMIT 1",
    "SELECT 1 FROM events WHERE timestamp >= moment(?1) AND timestamp < moment(?2) LIMIT 1",
);

/// Quarters that are counted as a whole, and parts of quarters whose events are counted one by one.
pub(super) struct Quarters {
    pub(super) whole: ops::Range<i64>,
    pub(super) parts: Vec<Part>,
}

/// Events between two moments, to be added (1) or taken away (-1).
pub(super) struct Part {
    pub(super) micros: ops::Range<i64>,
    pub(super) times: i64,
}

impl Quarters {
    /// At each edge the smaller side of the quarter that it cuts is a part.
    pub(super) fn of(tables: Tables<'_>, range: Range) -> Result<Self, ReadError> {
        let (from, to) = (range.from_micros(), range.to_micros());
        let first = from / MICROS_PER_QUARTER + i64::from(from % MICROS_PER_QUARTER != 0);
        let end = to / MICROS_PER_QUARTER;
        if first > end {
            return Ok(Self { whole: first..first, parts: vec![Part { micros: from..to, times: 1 }] });
        }
        let mut quarters = Self { whole: first..end, parts: Vec::new() };
        let (begin, last) = (first * MICROS_PER_QUARTER, end * MICROS_PER_QUARTER);
        if from < begin && quarters.cut(tables, begin - MICROS_PER_QUARTER..from, from..begin)? {
            quarters.whole.start -= 1;
        }
        if last < to && quarters.cut(tables, to..last + MICROS_PER_QUARTER, last..to)? {
            quarters.whole.end += 1;
        }
        Ok(quarters)
    }

    /// Notes what has to be counted of a cut quarter; answers whether it is counted as a whole besides.
    fn cut(
        &mut self,
        tables: Tables<'_>,
        outside: ops::Range<i64>,
        inside: ops::Range<i64>,
    ) -> Result<bool, ReadError> {
        if !has_events(tables, &inside)? {
            return Ok(false);
        }
        if !has_events(tables, &outside)? {
            return Ok(true);
        }
        let is_whole = outside.end - outside.start < inside.end - inside.start;
        let (micros, times) = if is_whole { (outside, -1) } else { (inside, 1) };
        self.parts.push(Part { micros, times });
        Ok(is_whole)
    }
}

fn has_events(tables: Tables<'_>, micros: &ops::Range<i64>) -> Result<bool, ReadError> {
    tables.exists(&ANY, &[micros.start.into(), micros.end.into()])
}
