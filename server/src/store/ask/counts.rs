//! Events by hour, day or hour of the week in a time zone, from the quarters of `hourly`.

use std::collections::BTreeMap;

use vibetea_protocol::api::{CountBucket, CountsBy, HourOfWeek};
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;

use super::Wanted;
use super::edges::{Part, Quarters};
use crate::store::tables::{ReadError, Statement, Tables};
use crate::store::{Bucket, Calendar, CountsAnswer, CountsQuestion};

const ALL: Statement = Statement::both(
    "SELECT hour, CAST(0 AS BIGINT), CAST(sum(q0) AS BIGINT), CAST(sum(q1) AS BIGINT), CAST(sum(q2) AS BIGINT),
        CAST(sum(q3) AS BIGINT)
    FROM hourly WHERE hour >= ?1 AND hour <= ?2 AND ?3 IS NULL GROUP BY hour",
);
const SPLIT: Statement = Statement::both(
    "SELECT hour, source, q0, q1, q2, q3 FROM hourly
    WHERE hour >= ?1 AND hour <= ?2 AND ?3 IS NULL",
);
const OF_SOURCE: Statement = Statement::both(
    "SELECT hour, source, q0, q1, q2, q3 FROM hourly
    WHERE hour >= ?1 AND hour <= ?2 AND source = ?3",
);
const EVENTS: Statement = Statement::per_database(
    "SELECT ts, source FROM event INDEXED BY event_ts_source
    WHERE ts >= ?1 AND ts < ?2 AND (?3 IS NULL OR source = ?3)",
    "SELECT micros(timestamp), source.id
    FROM events JOIN source ON source.name = events.source
    WHERE timestamp >= moment(?1) AND timestamp < moment(?2) AND (?3 IS NULL OR source.id = ?3)",
);

/// Counts by bucket and source; the source is 0 where it does not matter.
struct Sums<'a> {
    wanted: Wanted,
    split: bool,
    calendar: &'a mut Calendar,
    buckets: BTreeMap<(Bucket, i64), i64>,
}

/// Answers with buckets in order, sources ascending within one.
pub(in crate::store) fn counts(
    tables: Tables<'_>,
    question: &CountsQuestion,
    mut calendar: Calendar,
) -> Result<CountsAnswer, ReadError> {
    tables.snapshot(|| {
        let buckets = match Wanted::find(tables, &question.sources)? {
            None => BTreeMap::new(),
            Some(wanted) => {
                let quarters = Quarters::of(tables, question.range)?;
                let calendar = &mut calendar;
                let mut sums = Sums { wanted, split: question.split, calendar, buckets: BTreeMap::new() };
                sums.add_quarters(tables, &quarters)?;
                sums.buckets
            }
        };
        answer(tables, &calendar, question.split, buckets)
    })
}

impl Sums<'_> {
    fn add_quarters(&mut self, tables: Tables<'_>, quarters: &Quarters) -> Result<(), ReadError> {
        let mut cut = Vec::new();
        if !quarters.whole.is_empty() {
            let statement = match self.wanted {
                Wanted::One(_) => &OF_SOURCE,
                Wanted::All if !self.split => &ALL,
                Wanted::All | Wanted::Among(_) => &SPLIT,
            };
            let (first, last) = (quarters.whole.start / 4, (quarters.whole.end - 1) / 4);
            let params = [first.into(), last.into(), self.wanted.number().into()];
            tables.each(statement, &params, |row| {
                let (hour, source) = (row.integer(0)?, row.integer(1)?);
                if !self.wanted.admits(source) {
                    return Ok(());
                }
                for (quarter, column) in (hour * 4..).zip(2..6) {
                    let events = row.integer(column)?;
                    if events == 0 || !quarters.whole.contains(&quarter) {
                        continue;
                    }
                    match self.calendar.bucket_of_quarter(quarter) {
                        Some(bucket) => self.add(bucket, source, events),
                        None if cut.last() == Some(&quarter) => {}
                        None => cut.push(quarter),
                    }
                }
                Ok(())
            })?;
        }
        // several sources name a quarter that the calendar cuts, in any order
        cut.sort_unstable();
        cut.dedup();
        for quarter in cut {
            let start = quarter * MICROS_PER_QUARTER;
            self.add_events(tables, &Part { micros: start..start + MICROS_PER_QUARTER, times: 1 })?;
        }
        quarters.parts.iter().try_for_each(|part| self.add_events(tables, part))
    }

    fn add_events(&mut self, tables: Tables<'_>, part: &Part) -> Result<(), ReadError> {
        let params = [part.micros.start.into(), part.micros.end.into(), self.wanted.number().into()];
        tables.each(&EVENTS, &params, |row| {
            let source = row.integer(1)?;
            if self.wanted.admits(source) {
                let bucket = self.calendar.bucket(row.integer(0)?);
                self.add(bucket, source, part.times);
            }
            Ok(())
        })
    }

    fn add(&mut self, bucket: Bucket, source: i64, events: i64) {
        let source = if self.split { source } else { 0 };
        *self.buckets.entry((bucket, source)).or_default() += events;
    }
}

fn answer(
    tables: Tables<'_>,
    calendar: &Calendar,
    split: bool,
    buckets: BTreeMap<(Bucket, i64), i64>,
) -> Result<CountsAnswer, ReadError> {
    let mut named = Vec::with_capacity(buckets.len());
    for ((bucket, source), events) in buckets.into_iter().filter(|(_, events)| *events > 0) {
        let source = if split { Some(tables.source_name(source)?.as_str().to_owned()) } else { None };
        named.push((bucket, source, events.unsigned_abs()));
    }
    named.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let total = named.iter().map(|(_, _, events)| events).sum();
    if calendar.by() == CountsBy::HourOfWeek {
        let hours = named.into_iter().map(|(bucket, source, event_count)| {
            let (weekday, hour) = Calendar::hour_of_week(bucket);
            HourOfWeek { weekday, hour, source, event_count }
        });
        return Ok(CountsAnswer { counts: None, hours_of_week: Some(hours.collect()), total });
    }
    let counts = named.into_iter().map(|(bucket, source, event_count)| CountBucket {
        start: calendar.start(bucket),
        source,
        event_count,
    });
    Ok(CountsAnswer { counts: Some(counts.collect()), hours_of_week: None, total })
}
