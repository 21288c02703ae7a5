//! Counts of new events, taken in memory and added to the kept counts in the same transaction.

use std::collections::BTreeMap;

use rusqlite::Transaction;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_protocol::{EventType, Timestamp};

const ADD_HOUR: &str = "INSERT INTO hourly (hour, source, q0, q1, q2, q3) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (hour, source) DO UPDATE SET
    q0 = q0 + excluded.q0, q1 = q1 + excluded.q1, q2 = q2 + excluded.q2, q3 = q3 + excluded.q3";
const ADD_TYPE: &str = "INSERT INTO tally (source, type, count) VALUES (?1, ?2, ?3)
    ON CONFLICT (source, type) DO UPDATE SET count = count + excluded.count";

type Quarters = [i64; 4];
type Types = [i64; EventType::ALL.len()];

/// Counts per hour and source, and per source and type.
#[derive(Default)]
pub(super) struct Counts {
    hours: BTreeMap<(i64, i64), Quarters>,
    types: BTreeMap<i64, Types>,
    /// Neighbours mostly share hour and source, so the maps are only touched when one of them changes.
    hour: i64,
    source: i64,
    quarters: Quarters,
    kinds: Types,
}

/// Number of the quarter of an hour in which a moment lies, from 0 to 3, and the hour.
pub(super) fn hour_and_quarter(timestamp: Timestamp) -> (i64, usize) {
    let quarter = timestamp.as_micros() / MICROS_PER_QUARTER;
    (quarter / 4, usize::try_from(quarter % 4).unwrap_or_default())
}

impl Counts {
    pub(super) fn add(&mut self, source: i64, timestamp: Timestamp, event_type: EventType) {
        let (hour, quarter) = hour_and_quarter(timestamp);
        if (hour, source) != (self.hour, self.source) {
            self.flush();
            (self.hour, self.source) = (hour, source);
        }
        self.quarters[quarter] += 1;
        self.kinds[usize::from(event_type.number())] += 1;
    }

    fn flush(&mut self) {
        if self.quarters == [0; 4] {
            return;
        }
        let quarters = self.hours.entry((self.hour, self.source)).or_default();
        quarters.iter_mut().zip(std::mem::take(&mut self.quarters)).for_each(|(sum, more)| *sum += more);
        let types = self.types.entry(self.source).or_default();
        types.iter_mut().zip(std::mem::take(&mut self.kinds)).for_each(|(sum, more)| *sum += more);
    }

    pub(super) fn write(mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        self.flush();
        let mut add = transaction.prepare_cached(ADD_HOUR)?;
        for ((hour, source), [q0, q1, q2, q3]) in self.hours {
            add.execute((hour, source, q0, q1, q2, q3))?;
        }
        let mut add = transaction.prepare_cached(ADD_TYPE)?;
        for (source, types) in self.types {
            for (kind, count) in EventType::ALL.into_iter().zip(types).filter(|(_, count)| *count > 0) {
                add.execute((source, kind.number(), count))?;
            }
        }
        Ok(())
    }
}
