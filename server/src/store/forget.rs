//! What a store forgets: old events with their ids, sessions without an event left, and counts that are older still.

use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};

use super::kept::DAYS_PER_PERIOD;

/// What is to be forgotten, so many rows at a time.
#[derive(Debug, Clone, Copy)]
pub struct Forget {
    /// Events before this moment, cut down to a quarter of an hour.
    pub events_before: Timestamp,
    /// Counts by hour, project, type and tool before this moment, cut down to 32 days since 1970; none of them without it.
    pub counts_before: Option<Timestamp>,
    /// Most rows of one kind that a step deletes.
    pub most: u32,
}

/// What a step has deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Events, with their ids.
    pub events: u64,
    /// Sessions whose events are all gone.
    pub sessions: u64,
    /// Rows of counts.
    pub counts: u64,
    /// Whether there may be more to delete.
    pub has_more: bool,
}

/// A table of counts and its key, whose first column is the slot.
pub(super) struct CountTable {
    pub(super) name: &'static str,
    slot: &'static str,
    key: &'static str,
    micros: i64,
}

const PERIOD: i64 = DAYS_PER_PERIOD * MICROS_PER_DAY;
const COUNTS: [CountTable; 4] = [
    CountTable {
        name: "quarterly",
        slot: "quarter",
        key: "quarter, source, project, type, tool",
        micros: MICROS_PER_QUARTER,
    },
    CountTable {
        name: "daily",
        slot: "day",
        key: "day, source, project, type, tool",
        micros: MICROS_PER_DAY,
    },
    CountTable {
        name: "periodic",
        slot: "period",
        key: "period, source, project, type, tool",
        micros: PERIOD,
    },
    CountTable { name: "hourly", slot: "hour", key: "hour, source", micros: MICROS_PER_HOUR },
];

impl CountTable {
    /// Deletes rows before the slot that is the first parameter, as many as the second one says.
    pub(super) fn delete(&self, [before, most]: [&str; 2]) -> String {
        let Self { name, slot, key, .. } = self;
        format!(
            "DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} WHERE {slot} < {before} LIMIT {most})"
        )
    }
}

/// The same in the units of the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Microseconds since 1970, at the begin of a quarter of an hour.
    pub(super) events: i64,
    /// Microseconds since 1970, at the begin of a period; 0 for none.
    pub(super) counts: i64,
    pub(super) most: i64,
}

impl Cut {
    /// No counts are forgotten of events that are kept.
    pub(super) fn of(forget: &Forget) -> Self {
        let events = forget.events_before.as_micros() / MICROS_PER_QUARTER * MICROS_PER_QUARTER;
        let counts =
            forget.counts_before.map_or(0, |before| before.as_micros().min(events) / PERIOD * PERIOD);
        Self { events, counts, most: i64::from(forget.most.max(1)) }
    }

    /// The tables of counts, each with its first slot that is kept.
    pub(super) fn count_tables(self) -> impl Iterator<Item = (&'static CountTable, i64)> {
        COUNTS.iter().map(move |table| (table, self.counts / table.micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn events_go_by_quarters_of_an_hour_and_counts_by_periods_that_hold_no_kept_event() {
        let forget = |counts: Option<&str>| Forget {
            events_before: at("2026-02-03T14:44:59.999999Z"),
            counts_before: counts.map(at),
            most: 0,
        };
        let cut = Cut::of(&forget(None));
        assert_eq!((cut.events, cut.counts, cut.most), (at("2026-02-03T14:30:00Z").as_micros(), 0, 1));
        for counts in ["2026-02-03T14:44:00Z", "2027-01-01T00:00:00Z"] {
            let cut = Cut::of(&forget(Some(counts)));
            assert_eq!(cut.counts % PERIOD, 0);
            assert!((cut.events - PERIOD..=cut.events).contains(&cut.counts), "{cut:?}");
        }
        let cut = Cut::of(&forget(Some("2026-02-03T14:44:00Z")));
        for (table, slot) in cut.count_tables() {
            assert_eq!(slot * table.micros, cut.counts, "{}", table.name);
        }
    }
}
