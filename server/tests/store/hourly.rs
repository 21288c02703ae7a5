//! Hourly counts against a plain recount.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_protocol::{Clock, Timestamp};
use vibetea_server::store::{NewBatch, Route, Store};

use crate::home::cases;
use crate::model::filter;
use crate::support::{Place, at, clear, event, is_soak, source};

const SOURCES: [&str; 4] = ["laptop", "Über", "desk top", "z"];
const DAYS: [u32; 4] = [0, 1, 7, 30];
/// A case has a random moment, at which a window of each length ends: 10,000 windows.
const LONG_FORM: u32 = 10_000 / 4;

/// What a store was asked for.
#[derive(Debug, Clone, Copy)]
struct Question {
    now: Timestamp,
    days: u32,
    source: Option<&'static str>,
}

impl Question {
    /// The first microsecond that counts.
    fn from(&self) -> i64 {
        self.now.as_micros() - i64::from(self.days) * MICROS_PER_DAY
    }
}

/// What was sent: batches of number, source and time. Numbers repeat, so there are duplicates.
type Sent = Vec<(usize, Route, Vec<(u64, i64)>)>;

/// The stored events by the rule that the first arrival of a number counts.
fn kept(sent: &Sent) -> HashMap<u64, (usize, i64)> {
    let mut kept = HashMap::new();
    for (source, _, events) in sent {
        for (number, micros) in events {
            kept.entry(*number).or_insert((*source, *micros));
        }
    }
    kept
}

fn recount(kept: &HashMap<u64, (usize, i64)>, question: Question) -> Vec<HourlyAggregate> {
    let mut hours = BTreeMap::new();
    for (source, micros) in kept.values() {
        let name = SOURCES[*source];
        if *micros >= question.from() && question.source.is_none_or(|wanted| wanted == name) {
            let time = Timestamp::from_micros(*micros).unwrap().to_string();
            let key = (Reverse(time[..10].to_owned()), Reverse(time[11..13].to_owned()), name);
            *hours.entry(key).or_insert(0) += 1;
        }
    }
    let row = |((date, hour, source), event_count): ((Reverse<String>, Reverse<String>, &str), u64)| {
        HourlyAggregate {
            source: source.to_owned(),
            date: date.0,
            hour: hour.0.parse().unwrap(),
            event_count,
        }
    };
    hours.into_iter().map(row).collect()
}

async fn send(store: &Store, sent: &Sent) -> u64 {
    let mut inserted = 0;
    for (sender, route, events) in sent {
        let events = events
            .iter()
            .map(|(number, micros)| event(*number, Timestamp::from_micros(*micros).unwrap()))
            .collect();
        let batch = NewBatch { source: source(SOURCES[*sender]), route: *route, events };
        inserted += store.bulk_insert_events(batch).await.unwrap();
    }
    inserted
}

async fn ask(store: &Store, clock: &Clock, question: Question) -> Vec<HourlyAggregate> {
    clock.set(question.now);
    store.get_hourly_aggregates(question.days, filter(question.source)).await.unwrap()
}

/// Moments that are likely to be wrong: hour, quarter and day borders, and any.
fn now() -> impl Strategy<Value = i64> {
    let start = at("2024-02-27T22:00:00Z").as_micros();
    let border = prop_oneof![Just(MICROS_PER_QUARTER), Just(MICROS_PER_HOUR), Just(MICROS_PER_DAY)];
    prop_oneof![
        (0..400_i64, border, -1..=1_i64).prop_map(move |(count, unit, off)| start + count * unit + off),
        (0..60 * MICROS_PER_DAY).prop_map(move |off| start + off),
    ]
}

/// Moments around the edge of one of the windows that end now, around now, and anywhere within 40 days.
fn moment(now: i64) -> impl Strategy<Value = i64> {
    let near = prop_oneof![
        -1..=1_i64,
        -MICROS_PER_QUARTER..=MICROS_PER_QUARTER,
        -2 * MICROS_PER_HOUR..=2 * MICROS_PER_HOUR,
    ];
    prop_oneof![
        4 => (prop::sample::select(DAYS.to_vec()), near)
            .prop_map(move |(days, off)| now - i64::from(days) * MICROS_PER_DAY + off),
        1 => (-40 * MICROS_PER_DAY..40 * MICROS_PER_DAY).prop_map(move |off| now + off),
    ]
}

fn sent(now: i64) -> impl Strategy<Value = Sent> {
    let events = prop::collection::vec((0..120_u64, moment(now)), 1..70);
    let route = prop_oneof![Just(Route::Batch), Just(Route::Live)];
    prop::collection::vec((0..SOURCES.len(), route, events), 1..5)
}

#[test]
fn hourly_counts_equal_a_plain_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let shift = prop_oneof![Just(0), -1..=1_i64, -2 * MICROS_PER_HOUR..=2 * MICROS_PER_HOUR];
    let case = (now().prop_flat_map(|now| (Just(now), sent(now))), shift, 0..SOURCES.len());
    let cases = if is_soak() { LONG_FORM } else { cases(400) };
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases) };
    let outcome = TestRunner::new(config).run(&case, |((now, sent), shift, only)| {
        runtime.block_on(async {
            clear(&place);
            let inserted = send(&store, &sent).await;
            let kept = kept(&sent);
            prop_assert_eq!(inserted, kept.len() as u64);
            let now = Timestamp::from_micros(now + shift).unwrap();
            for days in DAYS {
                for source in [None, Some(SOURCES[only]), Some("nobody")] {
                    let question = Question { now, days, source };
                    let answer = ask(&store, &place.clock, question).await;
                    prop_assert_eq!(answer, recount(&kept, question), "{:?}", question);
                }
            }
            Ok(())
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

#[tokio::test]
async fn edge_is_exact_to_the_microsecond() {
    let place = Place::new();
    let store = place.open().await;
    let now = at("2026-02-10T14:37:12.345678Z");
    let cut = now.as_micros() - 7 * MICROS_PER_DAY;
    let sent = vec![(0, Route::Batch, vec![(1, cut - 1), (2, cut), (3, cut + 1), (4, now.as_micros() + 1)])];
    send(&store, &sent).await;
    let question = Question { now, days: 7, source: None };
    let rows = ask(&store, &place.clock, question).await;
    let row = |date: &str, event_count| HourlyAggregate {
        source: "laptop".to_owned(),
        date: date.to_owned(),
        hour: 14,
        event_count,
    };
    assert_eq!(rows, [row("2026-02-10", 1), row("2026-02-03", 2)]);
    store.close().await;
}

/// The recount sees the mistakes that are easy to make.
#[tokio::test]
async fn recount_catches_planted_mistakes() {
    let place = Place::new();
    let store = place.open().await;
    let now = at("2026-02-10T14:37:12.345678Z");
    let cut = now.as_micros() - 7 * MICROS_PER_DAY;
    let sent = vec![
        (0, Route::Batch, vec![(1, cut - 1), (2, cut), (3, cut + MICROS_PER_HOUR)]),
        (0, Route::Batch, vec![(3, cut + MICROS_PER_HOUR)]),
    ];
    send(&store, &sent).await;
    let kept = kept(&sent);
    let question = Question { now, days: 7, source: None };
    assert_eq!(ask(&store, &place.clock, question).await, recount(&kept, question));

    // the quarter at the edge taken as a whole: as if the window began with it
    let early = cut % MICROS_PER_QUARTER;
    let whole_quarter =
        Question { now: Timestamp::from_micros(now.as_micros() - early).unwrap(), ..question };
    assert_ne!(ask(&store, &place.clock, whole_quarter).await, recount(&kept, question));

    // `>` in place of `>=`
    let late = Question { now: Timestamp::from_micros(now.as_micros() + 1).unwrap(), ..question };
    assert_ne!(ask(&store, &place.clock, late).await, recount(&kept, question));

    // the duplicate counted
    let hour = (cut + MICROS_PER_HOUR) / MICROS_PER_HOUR;
    place.execute(&format!("UPDATE hourly SET q2 = q2 + 1 WHERE hour = {hour}"));
    assert_ne!(ask(&store, &place.clock, question).await, recount(&kept, question));
    store.close().await;
}

#[tokio::test]
async fn window_that_begins_before_1970_holds_everything() {
    let place = Place::new();
    let store = place.open().await;
    send(&store, &vec![(0, Route::Batch, vec![(1, 0), (2, 1)])]).await;
    let question = Question { now: at("1970-01-01T00:00:00Z"), days: u32::MAX, source: None };
    let rows = ask(&store, &place.clock, question).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].date.as_str(), rows[0].hour, rows[0].event_count), ("1970-01-01", 0, 2));
    store.close().await;
}
