//! What a store holds, from kept counts and the ends of an index.

use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::MICROS_PER_HOUR;

use super::Wanted;
use crate::store::tables::{ReadError, Row, Statement, Tables};
use crate::store::{SourceFilter, Totals};

const TALLY: Statement = Statement::both("SELECT source, type, count FROM tally ORDER BY source");
// the events' own ends: each comes from the index on time
const ENDS: Statement = Statement::per_database(
    "SELECT (SELECT min(ts) FROM event), (SELECT max(ts) FROM event)",
    "SELECT (SELECT micros(min(timestamp)) FROM public.events), (SELECT micros(max(timestamp)) FROM public.events)",
);
const HOURS: Statement =
    Statement::both("SELECT min(hour), max(hour) FROM hourly WHERE source = ?1 AND q0 + q1 + q2 + q3 > 0");
const ENDS_OF_SOURCE: Statement = Statement::per_database(
    "SELECT min(ts), max(ts) FROM event INDEXED BY event_ts_source WHERE ts >= ?1 AND ts < ?2 AND source = ?3",
    "SELECT micros(min(timestamp)), micros(max(timestamp)) FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp < moment(?2) AND source.id = ?3",
);

/// Sums of the kept counts, and the moments of the first and the last event.
pub(in crate::store) fn totals(tables: Tables<'_>, sources: &SourceFilter) -> Result<Totals, ReadError> {
    tables.snapshot(|| {
        let mut totals = Totals::default();
        let Some(wanted) = Wanted::find(tables, sources)? else { return Ok(totals) };
        let mut seen = Vec::new();
        tables.each(&TALLY, &[], |row| {
            let (source, count) = (row.integer(0)?, row.natural(2)?);
            if count == 0 || !wanted.admits(source) {
                return Ok(());
            }
            if seen.last() != Some(&source) {
                seen.push(source);
            }
            totals.by_type[usize::from(row.event_type(1)?.number())] += count;
            Ok(())
        })?;
        totals.events = totals.by_type.iter().sum();
        totals.sources = seen.len() as u64;
        if matches!(wanted, Wanted::All) {
            (totals.oldest, totals.newest) = tables.one(&ENDS, &[], ends)?.unwrap_or_default();
            return Ok(totals);
        }
        for source in seen {
            add_ends(tables, source, &mut totals)?;
        }
        Ok(totals)
    })
}

type Ends = (Option<Timestamp>, Option<Timestamp>);

fn ends(row: Row<'_>) -> Result<Ends, ReadError> {
    Ok((row.optional_moment(0)?, row.optional_moment(1)?))
}

/// No index leads from a source to its first event, but its counts tell the hour.
fn add_ends(tables: Tables<'_>, source: i64, totals: &mut Totals) -> Result<(), ReadError> {
    let hours = tables
        .one(&HOURS, &[source.into()], |row| Ok(row.optional_integer(0)?.zip(row.optional_integer(1)?)))?;
    let Some((first, last)) = hours.flatten() else { return Ok(()) };
    let of_hour = |hour: i64| {
        let params = [(hour * MICROS_PER_HOUR).into(), ((hour + 1) * MICROS_PER_HOUR).into(), source.into()];
        tables.one(&ENDS_OF_SOURCE, &params, ends).map(Option::unwrap_or_default)
    };
    let (oldest, newest) = (of_hour(first)?.0, of_hour(last)?.1);
    totals.oldest = totals.oldest.into_iter().chain(oldest).min();
    totals.newest = totals.newest.into_iter().chain(newest).max();
    Ok(())
}
