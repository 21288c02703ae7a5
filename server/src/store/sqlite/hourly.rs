//! Events per hour and source, from the kept counts. Only the quarter hour that the window's edge cuts is
//! counted event by event, and of that the smaller part, so the cost does not grow with the table.

use std::collections::{BTreeSet, HashMap};

use vibetea_protocol::Timestamp;
use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;

use super::reader::Reader;
use super::tally::hour_and_quarter;
use crate::store::hours::{self, HourCount};
use crate::store::tables::ReadError;

const HOURS: &str = "SELECT hour, source, q0 + q1 + q2 + q3 FROM hourly WHERE hour > ?1 ORDER BY hour DESC";
const HOURS_OF_SOURCE: &str = "SELECT hour, source, q0 + q1 + q2 + q3 FROM hourly
    WHERE source = ?2 AND hour > ?1 ORDER BY hour DESC";
const EDGE: &str = "SELECT source, q0, q1, q2, q3 FROM hourly WHERE hour = ?1";
const EDGE_OF_SOURCE: &str = "SELECT source, q0, q1, q2, q3 FROM hourly WHERE hour = ?1 AND source = ?2";
const PART: &str = "SELECT source FROM event INDEXED BY event_ts_source WHERE ts >= ?1 AND ts < ?2";
const PART_OF_SOURCE: &str = "SELECT source FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts < ?2 AND source = ?3";

/// From a moment on, without an end: newest hour first, sources ascending within it; of all sources or of one.
pub(super) fn aggregates(
    reader: &Reader,
    from: Timestamp,
    source: Option<&str>,
) -> Result<Vec<HourlyAggregate>, ReadError> {
    reader.snapshot(|| {
        let source = match source {
            None => None,
            Some(name) => match reader.tables().source_id(name)? {
                None => return Ok(Vec::new()),
                known => known,
            },
        };
        let mut counts = whole_hours(reader, from, source)?;
        edge_hour(reader, from, source, &mut counts)?;
        named(reader, counts)
    })
}

fn whole_hours(reader: &Reader, from: Timestamp, source: Option<i64>) -> rusqlite::Result<Vec<HourCount>> {
    let (edge, _) = hour_and_quarter(from);
    let mut select = reader.connection.prepare_cached(source.map_or(HOURS, |_| HOURS_OF_SOURCE))?;
    select.raw_bind_parameter(1, edge)?;
    if let Some(source) = source {
        select.raw_bind_parameter(2, source)?;
    }
    let mut rows = select.raw_query();
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push(HourCount { hour: row.get(0)?, source: row.get(1)?, events: row.get(2)? });
    }
    Ok(counts)
}

/// Adds the hour in which the window begins, without what lies before it.
fn edge_hour(
    reader: &Reader,
    from: Timestamp,
    source: Option<i64>,
    counts: &mut Vec<HourCount>,
) -> rusqlite::Result<()> {
    let (hour, cut) = hour_and_quarter(from);
    let mut select = reader.connection.prepare_cached(source.map_or(EDGE, |_| EDGE_OF_SOURCE))?;
    select.raw_bind_parameter(1, hour)?;
    if let Some(source) = source {
        select.raw_bind_parameter(2, source)?;
    }
    let mut rows = select.raw_query();
    let mut part = None;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let mut events = 0;
        for quarter in cut..4 {
            events += row.get::<_, i64>(1 + quarter)?;
        }
        if row.get::<_, i64>(1 + cut)? > 0 {
            let part = match &part {
                Some(part) => part,
                None => part.insert(Part::count(reader, from, source)?),
            };
            events -= part.before(id, row.get(1 + cut)?);
        }
        if events > 0 {
            counts.push(HourCount { hour, source: id, events });
        }
    }
    Ok(())
}

/// Events of the cut quarter on one side of the cut, by source.
struct Part {
    lies_before: bool,
    events: HashMap<i64, i64>,
}

impl Part {
    fn count(reader: &Reader, from: Timestamp, source: Option<i64>) -> rusqlite::Result<Self> {
        let cut = from.as_micros();
        let start = cut - cut % MICROS_PER_QUARTER;
        let end = start + MICROS_PER_QUARTER;
        let lies_before = cut - start <= end - cut;
        let (from, to) = if lies_before { (start, cut) } else { (cut, end) };
        let mut events = HashMap::new();
        let mut select = reader.connection.prepare_cached(source.map_or(PART, |_| PART_OF_SOURCE))?;
        select.raw_bind_parameter(1, from)?;
        select.raw_bind_parameter(2, to)?;
        if let Some(source) = source {
            select.raw_bind_parameter(3, source)?;
        }
        let mut rows = select.raw_query();
        while let Some(row) = rows.next()? {
            *events.entry(row.get(0)?).or_default() += 1;
        }
        Ok(Self { lies_before, events })
    }

    /// How many of a source's `quarter` events lie before the cut.
    fn before(&self, source: i64, quarter: i64) -> i64 {
        let counted = self.events.get(&source).copied().unwrap_or_default();
        if self.lies_before { counted } else { quarter - counted }
    }
}

fn named(reader: &Reader, counts: Vec<HourCount>) -> Result<Vec<HourlyAggregate>, ReadError> {
    let ids: BTreeSet<i64> = counts.iter().map(|count| count.source).collect();
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        names.push((reader.tables().source_name(id)?.as_str().to_owned(), id));
    }
    Ok(hours::named(counts, names))
}
