//! What is old enough is deleted in steps, its counts stay, and nothing that comes again revives it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_util::sync::CancellationToken;
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::CountsBy;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_server::config::Retention;
use vibetea_server::store::{
    BreakdownsQuestion, Calendar, CountsQuestion, Forget, NewBatch, Range, Route, SessionsQuestion,
    SourceFilter, Store,
};
use vibetea_server::upkeep::UpkeepMetrics;

use crate::home::cases;
use crate::model::{Made, SOURCES, events};
use crate::support::{Place, at, batch, event, id, insert, source, stored};

const START: &str = "2026-02-01T00:00:00Z";
const MOST: usize = 60;

#[derive(Debug, Clone)]
enum Action {
    Send(Vec<usize>),
    /// Everything before so many microseconds after the start.
    Forget(i64),
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => prop::collection::vec(0..MOST, 1..40).prop_map(Action::Send),
        3 => (0..4 * MICROS_PER_DAY).prop_map(Action::Forget),
        1 => Just(Action::Restart),
    ]
}

/// What a store must hold and say.
#[derive(Debug, Default)]
struct Model {
    through: i64,
    stored: BTreeMap<u64, Made>,
    counted: Vec<Made>,
    sessions: BTreeMap<(usize, String), Vec<Made>>,
}

impl Model {
    fn take(&mut self, event: &Made) -> u64 {
        if event.micros < self.through || self.stored.contains_key(&event.number) {
            return 0;
        }
        self.stored.insert(event.number, event.clone());
        self.counted.push(event.clone());
        if let Some(session) = event.text("sessionId").filter(|name| !name.is_empty()) {
            self.sessions.entry((event.source, session.to_owned())).or_default().push(event.clone());
        }
        1
    }

    fn forget(&mut self, before: i64) {
        self.through = self.through.max(before / MICROS_PER_QUARTER * MICROS_PER_QUARTER);
        let through = self.through;
        self.stored.retain(|_, event| event.micros >= through);
        self.sessions.retain(|_, events| events.iter().any(|event| event.micros >= through));
    }

    /// How a store differs.
    async fn difference(&self, place: &Place, store: &Store) -> Option<String> {
        let expected: BTreeSet<String> = self.stored.keys().map(|number| id(*number).to_string()).collect();
        let found: BTreeSet<String> = place.column("SELECT id FROM events").into_iter().collect();
        if found != expected {
            return Some(format!("{} events are stored, {} expected", found.len(), expected.len()));
        }
        let totals = store.totals(SourceFilter::All).await.unwrap();
        let times = || self.stored.values().map(|event| Timestamp::from_micros(event.micros).unwrap());
        let sources: BTreeSet<usize> = self.stored.values().map(|event| event.source).collect();
        let of_type = |number: usize| {
            let number = u8::try_from(number).unwrap();
            self.stored.values().filter(|event| event.event_type.number() == number).count() as u64
        };
        let types_agree = (0..).zip(totals.by_type).all(|(number, count)| of_type(number) == count);
        if (totals.events, totals.sources) != (self.stored.len() as u64, sources.len() as u64)
            || (totals.oldest, totals.newest) != (times().min(), times().max())
            || !types_agree
        {
            return Some(format!("the totals are {totals:?}"));
        }
        let range = Range::new(None, None);
        let question = CountsQuestion { sources: SourceFilter::All, range, split: false };
        let calendar = Calendar::new("UTC", CountsBy::Hour).unwrap();
        let counts = store.counts(question, calendar).await.unwrap().total;
        let question = BreakdownsQuestion { sources: SourceFilter::All, project: None, range };
        let breakdowns = store.breakdowns(question).await.unwrap().total;
        if [counts, breakdowns] != [self.counted.len() as u64; 2] {
            return Some(format!("{counts} by hour, {breakdowns} by kind, {} expected", self.counted.len()));
        }
        self.sessions_differ(store).await
    }

    async fn sessions_differ(&self, store: &Store) -> Option<String> {
        let question = SessionsQuestion {
            sources: SourceFilter::All,
            project: None,
            state: None,
            range: Range::new(None, None),
            before: None,
            limit: 1000,
            now: at(START),
        };
        let found: BTreeMap<(String, String), u64> = store
            .sessions(question)
            .await
            .unwrap()
            .sessions
            .into_iter()
            .map(|session| ((session.source, session.session_id), session.event_count))
            .collect();
        let expected: BTreeMap<(String, String), u64> = self
            .sessions
            .iter()
            .map(|((source, name), events)| {
                ((SOURCES[*source].to_owned(), name.clone()), events.len() as u64)
            })
            .collect();
        (found != expected).then(|| format!("the sessions are {found:?}, expected {expected:?}"))
    }
}

async fn open(place: &Place) -> Store {
    place.open_as(place.home.restless_options(), place.recorder()).await.unwrap()
}

async fn forget(store: &Store, before: Timestamp, most: u32) -> u64 {
    let mut events = 0;
    loop {
        let step = store.forget(Forget { events_before: before, counts_before: None, most }).await.unwrap();
        events += step.events;
        if !step.has_more {
            return events;
        }
    }
}

fn start() -> i64 {
    at(START).as_micros()
}

async fn run(pool: &[Made], actions: &[Action]) -> Result<(), TestCaseError> {
    let place = Place::new();
    let mut store = open(&place).await;
    let mut model = Model::default();
    for action in actions {
        match action {
            Action::Send(places) => {
                for (number, name) in SOURCES.into_iter().enumerate() {
                    let sent: Vec<&Made> = places
                        .iter()
                        .filter_map(|at| pool.get(*at))
                        .filter(|event| event.source == number)
                        .collect();
                    let batch = NewBatch {
                        source: source(name),
                        route: Route::Batch,
                        events: sent.iter().map(|event| event.new_event()).collect(),
                    };
                    let expected: u64 = sent.iter().map(|event| model.take(event)).sum();
                    prop_assert_eq!(store.bulk_insert_events(batch).await.unwrap(), expected);
                }
            }
            Action::Forget(after) => {
                let before = Timestamp::from_micros(start() + after).unwrap();
                forget(&store, before, 7).await;
                model.forget(before.as_micros());
            }
            Action::Restart => {
                store.close().await;
                store = open(&place).await;
            }
        }
        let difference = model.difference(&place, &store).await;
        prop_assert_eq!(difference, None);
    }
    store.close().await;
    Ok(())
}

#[test]
fn random_batches_and_steps_leave_what_a_plain_model_holds() {
    let mut runner = TestRunner::new(Config { cases: cases(24), ..Config::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pool = events(start()..start() + 4 * MICROS_PER_DAY, MOST);
    let outcome = runner.run(&(pool, prop::collection::vec(action(), 1..12)), |(pool, actions)| {
        runtime.block_on(run(&pool, &actions))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Events of four hours, of which the first two are forgotten and then sent again by both routes; how many came back.
async fn revived(mistake: &str) -> usize {
    let place = Place::new();
    let mut store = open(&place).await;
    let hours = |hour: i64| Timestamp::from_micros(start() + hour * MICROS_PER_HOUR).unwrap();
    let all: Vec<_> =
        (0..200).map(|number| event(number, hours(i64::try_from(number / 50).unwrap()))).collect();
    let send = |route| NewBatch { source: source("laptop"), route, events: all.clone() };
    assert_eq!(store.bulk_insert_events(send(Route::Batch)).await.unwrap(), 200);
    assert_eq!(forget(&store, hours(2), 30).await, 100);
    for restarts in [false, true] {
        if !mistake.is_empty() {
            place.execute(mistake);
        }
        if restarts {
            store.close().await;
            store = open(&place).await;
        }
        for route in [Route::Batch, Route::Live] {
            store.bulk_insert_events(send(route)).await.unwrap();
        }
    }
    // a retention that is made longer brings nothing back either
    forget(&store, hours(1), 30).await;
    store.bulk_insert_events(send(Route::Batch)).await.unwrap();
    store.close().await;
    stored(&place).into_iter().filter(|number| *number < 100).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_what_was_forgotten_revives_nothing() {
    assert_eq!(revived("").await, 0);
}

/// Planted bug: the store forgets what it has forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_the_mark_is_seen_by_the_check() {
    assert_ne!(revived("UPDATE forgotten SET through = 0").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_place_in_the_stream_is_given_out_twice() {
    let place = Place::new();
    let store = open(&place).await;
    let (old, new) = (at("2026-02-01T00:00:00Z"), at("2026-02-03T00:00:00Z"));
    let send = |numbers: std::ops::Range<u64>, moment| NewBatch {
        source: source("laptop"),
        route: Route::Live,
        events: numbers.map(|number| event(number, moment)).collect(),
    };
    store.bulk_insert_events(send(0..3, new)).await.unwrap();
    // what came last is the oldest
    store.bulk_insert_events(send(3..9, old)).await.unwrap();
    let newest = store.newest_seq().await.unwrap();
    assert_eq!(forget(&store, new, 100).await, 6);
    assert_eq!(store.newest_seq().await.unwrap(), newest);
    store.close().await;
    let store = open(&place).await;
    assert_eq!(store.newest_seq().await.unwrap(), newest);
    store.bulk_insert_events(send(20..22, new)).await.unwrap();
    let after = store.live_events_after(newest, 100).await.unwrap();
    assert_eq!(after.len(), 2, "{after:?}");
    // who has seen a forgotten event last is told so
    assert_eq!(store.position_of(id(5)).await.unwrap(), None);
    store.close().await;
}

/// How many events are still to be forgotten when a batch that came in the middle is stored.
async fn left_when_stored(most: u32) -> usize {
    let place = Place::new();
    let store = open(&place).await;
    for first in [0, 1000] {
        insert(&store, "laptop", Route::Batch, first..first + 1000).await.unwrap();
    }
    let steps = forget(&store, at("2026-03-01T00:00:00Z"), most);
    let late = async {
        let late = NewBatch {
            source: source("laptop"),
            route: Route::Batch,
            events: vec![event(5000, at("2026-03-02T00:00:00Z"))],
        };
        assert_eq!(store.bulk_insert_events(late).await.unwrap(), 1);
        stored(&place).len() - 1
    };
    // in this order, in one task: the batch is queued while the first step is at work
    let (_, left) = tokio::join!(biased; steps, late);
    assert_eq!(stored(&place).len(), 1);
    store.close().await;
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_comes_meanwhile_waits_for_one_step_and_not_for_all() {
    let left = left_when_stored(20).await;
    assert!(left > 1000, "{left}");
}

/// Planted bug: everything in one step.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_in_one_piece_is_seen_by_the_check() {
    assert_eq!(left_when_stored(1_000_000).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_stay_until_they_are_to_be_forgotten_too() {
    let place = Place::new();
    let store = open(&place).await;
    let day = |day: i64| Timestamp::from_micros(day * MICROS_PER_DAY + 3600).unwrap();
    // the first and the last day of a period of 32 days, and one day after it
    let days = [20_000, 20_031, 20_032, 20_200];
    for (number, at) in (0..).zip(days) {
        let batch =
            NewBatch { source: source("laptop"), route: Route::Batch, events: vec![event(number, day(at))] };
        store.bulk_insert_events(batch).await.unwrap();
    }
    let range = Range::new(None, None);
    let counted = async || {
        let question = CountsQuestion { sources: SourceFilter::All, range, split: false };
        let by_hour =
            store.counts(question, Calendar::new("UTC", CountsBy::Hour).unwrap()).await.unwrap().total;
        let question = BreakdownsQuestion { sources: SourceFilter::All, project: None, range };
        let by_kind = store.breakdowns(question).await.unwrap().total;
        let rows = ["quarterly", "daily", "periodic", "hourly"]
            .map(|table| place.column(&format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).remove(0));
        (by_hour, by_kind, rows)
    };
    let forget = async |counts: Option<i64>| {
        let what = Forget { events_before: day(20_150), counts_before: counts.map(day), most: 1 };
        while store.forget(what).await.unwrap().has_more {}
    };
    forget(None).await;
    assert_eq!((stored(&place), counted().await.0), (vec![3], 4));
    // a day short of the end of a period keeps it whole
    forget(Some(days[1])).await;
    assert_eq!(counted().await.0, 4);
    forget(Some(days[2])).await;
    assert_eq!(counted().await, (2, 2, ["2", "2", "2", "2"].map(str::to_owned)));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_forgets_all_that_is_old_enough_by_clock_and_events() {
    let place = Place::new();
    let store = place.open().await;
    let metrics = UpkeepMetrics::default();
    let retention = Retention { events: 31, counts: Some(31) };
    let stop = CancellationToken::new();
    insert(&store, "laptop", Route::Batch, 0..900).await.unwrap();
    let round = async |now: &str| retention.round(&store, at(now), &metrics, &stop).await.unwrap();
    // the clock alone is wrong
    assert_eq!(round("2036-01-01T00:00:00Z").await.events, 0);
    let new = NewBatch {
        source: source("laptop"),
        route: Route::Batch,
        events: vec![event(2000, at("2026-06-01T00:00:00Z"))],
    };
    store.bulk_insert_events(new).await.unwrap();
    assert_eq!(round("2026-03-01T00:00:00Z").await.events, 0);
    let done = round("2026-06-01T00:00:01Z").await;
    assert_eq!((done.events, stored(&place)), (900, vec![2000]));
    assert!(done.counts > 0, "{done:?}");
    assert_eq!(metrics.forgotten.get(), 900);
    assert_eq!(store.bulk_insert_events(batch("laptop", Route::Live, 0..10)).await.unwrap(), 0);
    store.close().await;
}
