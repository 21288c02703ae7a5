//! Events per hour and source, on their way from the numbers of a database to an answer.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::ToSpan as _;
use vibetea_protocol::history::HourlyAggregate;

/// Events of one source in one hour since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct HourCount {
    pub(super) hour: i64,
    pub(super) source: i64,
    pub(super) events: i64,
}

/// The answer's order, newest hour first and sources ascending within it, by names with their numbers; a count of a
/// source without a name is of none.
pub(super) fn named(counts: Vec<HourCount>, mut names: Vec<(String, i64)>) -> Vec<HourlyAggregate> {
    names.sort_unstable();
    let ranks: HashMap<i64, usize> = names.iter().zip(0..).map(|((_, id), rank)| (*id, rank)).collect();
    let mut ranked: Vec<(Reverse<i64>, usize, i64)> = counts
        .into_iter()
        .filter_map(|count| Some((Reverse(count.hour), *ranks.get(&count.source)?, count.events)))
        .collect();
    ranked.sort_unstable();
    let mut day = (i64::MIN, String::new());
    let rows = ranked.into_iter().map(|(Reverse(hour), rank, events)| {
        let days = hour.div_euclid(24);
        if day.0 != days {
            day = (days, date(days));
        }
        HourlyAggregate {
            source: names[rank].0.clone(),
            date: day.1.clone(),
            hour: u8::try_from(hour.rem_euclid(24)).unwrap_or_default(),
            event_count: events.unsigned_abs(),
        }
    });
    rows.collect()
}

/// `YYYY-MM-DD` of a number of days since 1970, within the years of an event's time.
fn date(days: i64) -> String {
    jiff::civil::date(1970, 1, 1).saturating_add(days.days()).to_string()
}
