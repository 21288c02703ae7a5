//! The same batches in a file and in PostgreSQL: every question has the same answer, order of ties included.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde_json::{Value, json};
use vibetea_protocol::api::CountsBy;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_protocol::{Clock, Timestamp};
use vibetea_server::store::{
    BreakdownsQuestion, Calendar, CountsQuestion, EventFilter, EventsQuestion, Range, SessionsQuestion, Side,
    SqliteOptions, Store,
};

use crate::home::cases;
use crate::model::{PROJECTS, SOURCES, events, filter, send};
use crate::support::{Place, at, clear};

/// One of everything that can be asked.
#[derive(Debug, Clone)]
struct Questions {
    now: i64,
    days: u32,
    from: i64,
    to: i64,
    source: Option<&'static str>,
    project: Option<&'static str>,
    limit: usize,
}

fn value(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap()
}

impl Questions {
    async fn ask(&self, store: &Store, clock: &Clock) -> Value {
        let now = Timestamp::from_micros(self.now).unwrap();
        clock.set(now);
        let range = Range::new(Timestamp::from_micros(self.from), Timestamp::from_micros(self.to));
        let sources = || filter(self.source);
        let project = || self.project.map(str::to_owned);
        let totals = store.totals(filter(self.source)).await.unwrap();
        let breakdowns = BreakdownsQuestion { sources: sources(), project: project(), range };
        let breakdowns = store.breakdowns(breakdowns).await.unwrap();
        let mut counts = Vec::new();
        for (zone, by) in [
            ("UTC", CountsBy::Hour),
            ("Asia/Kathmandu", CountsBy::Day),
            ("Europe/Berlin", CountsBy::HourOfWeek),
        ] {
            let question = CountsQuestion { sources: sources(), range, split: self.limit.is_multiple_of(2) };
            let answer = store.counts(question, Calendar::new(zone, by).unwrap()).await.unwrap();
            counts.push(json!([value(answer.counts), value(answer.hours_of_week), answer.total]));
        }
        json!({
            "hours": value(store.get_hourly_aggregates(self.days, filter(self.source)).await.unwrap()),
            "totals": [totals.events, totals.sources, value(totals.by_type), value(totals.oldest), value(totals.newest)],
            "events": self.events(store, range).await,
            "sessions": self.sessions(store, range, now).await,
            "counts": counts,
            "breakdowns": [
                value(breakdowns.tools), value(breakdowns.projects), value(breakdowns.sources), value(breakdowns.types),
                breakdowns.total,
            ],
        })
    }

    /// Page after page, backwards.
    async fn events(&self, store: &Store, range: Range) -> Vec<Value> {
        let filter = EventFilter {
            sources: filter(self.source),
            project: self.project.map(str::to_owned),
            ..EventFilter::default()
        };
        let mut question = EventsQuestion { filter, range, side: Side::Newest, limit: self.limit };
        let mut pages = Vec::new();
        loop {
            let page = store.events(question.clone()).await.unwrap();
            pages.push(json!([value(page.events), format!("{:?} {:?}", page.older, page.newer)]));
            match page.older {
                Some(older) => question.side = Side::Before(older),
                None => return pages,
            }
        }
    }

    async fn sessions(&self, store: &Store, range: Range, now: Timestamp) -> Vec<Value> {
        let project = self.project.map(str::to_owned);
        let sources = filter(self.source);
        let mut question =
            SessionsQuestion { sources, project, range, state: None, limit: self.limit, before: None, now };
        let mut pages = Vec::new();
        loop {
            let page = store.sessions(question.clone()).await.unwrap();
            pages.push(value(page.sessions));
            match page.older {
                Some(older) => question.before = Some(older),
                None => return pages,
            }
        }
    }
}

/// Near the edges of windows that end at noon, and few enough for ties.
fn moment() -> impl Strategy<Value = i64> {
    let noon = at("2026-02-10T12:00:00Z").as_micros();
    let near = prop_oneof![-1..=1_i64, -MICROS_PER_QUARTER..=MICROS_PER_QUARTER];
    prop_oneof![
        3 => (prop::sample::select(vec![0, 1, 7, 30_i64]), near).prop_map(move |(days, off)| noon - days * MICROS_PER_DAY + off),
        1 => (-40 * MICROS_PER_DAY..40 * MICROS_PER_DAY).prop_map(move |off| noon + off),
        1 => Just(0),
        1 => Just(at("9999-12-31T23:59:59.999999Z").as_micros()),
    ]
}

fn questions() -> impl Strategy<Value = Questions> {
    let noon = at("2026-02-10T12:00:00Z").as_micros();
    let now =
        prop_oneof![-1..=1_i64, -2 * MICROS_PER_HOUR..=2 * MICROS_PER_HOUR].prop_map(move |off| noon + off);
    let source = prop::option::of(prop::sample::select(&SOURCES[..]));
    let project = prop::option::of(prop::sample::select(&PROJECTS[..]));
    let days = prop::sample::select(vec![0, 1, 7, 30, u32::MAX]);
    (now, days, moment(), moment(), source, project, 1..9_usize).prop_map(
        |(now, days, a, b, source, project, limit)| Questions {
            now,
            days,
            from: a.min(b),
            to: a.max(b),
            source,
            project,
            limit,
        },
    )
}

async fn in_a_file(folder: &tempfile::TempDir, clock: Clock) -> Store {
    let options = SqliteOptions::new(folder.path().join("vibetea.db"));
    Store::open_sqlite(options, clock, Box::new(|_| {})).await.unwrap()
}

#[test]
fn a_file_and_a_database_give_the_same_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let case = (events(moment(), 80), prop::collection::vec(questions(), 3));
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(200)) };
    let outcome = TestRunner::new(config).run(&case, |(events, questions)| {
        runtime.block_on(async {
            clear(&place);
            let folder = tempfile::tempdir().unwrap();
            let file = in_a_file(&folder, place.clock.clone()).await;
            send(&store, &events).await;
            send(&file, &events).await;
            for question in questions {
                let (here, there) =
                    (question.ask(&store, &place.clock).await, question.ask(&file, &place.clock).await);
                prop_assert_eq!(here, there, "{:?}", question);
            }
            file.close().await;
            Ok(())
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

/// Planted bugs: the comparison sees an order of ties, an edge and a count that differ.
#[tokio::test]
async fn a_difference_is_seen_by_the_comparison() {
    let place = Place::new();
    let store = place.open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = in_a_file(&folder, place.clock.clone()).await;
    let noon = at("2026-02-10T12:00:00Z").as_micros();
    let edge = noon - 7 * MICROS_PER_DAY;
    for (number, name) in SOURCES.into_iter().enumerate() {
        let numbers = number as u64 * 10..number as u64 * 10 + 3;
        let events =
            numbers.map(|number| crate::support::event(number, Timestamp::from_micros(edge).unwrap()));
        let batch = vibetea_server::store::NewBatch {
            source: crate::support::source(name),
            route: vibetea_server::store::Route::Batch,
            events: events.collect(),
        };
        store.bulk_insert_events(batch.clone()).await.unwrap();
        file.bulk_insert_events(batch).await.unwrap();
    }
    let question = Questions { now: noon, days: 7, from: 0, to: noon, source: None, project: None, limit: 4 };
    let right = question.ask(&file, &place.clock).await;
    assert_eq!(question.ask(&store, &place.clock).await, right);
    let late = Questions { now: noon + 1, ..question.clone() };
    assert_ne!(late.ask(&store, &place.clock).await["hours"], right["hours"]);
    for (planted, part) in [
        ("UPDATE public.events SET id = replace(id, '0001', '0009')", "events"),
        ("UPDATE source SET name = 'a' WHERE name = 'desk top'", "hours"),
        ("UPDATE tally SET count = count + 1", "totals"),
    ] {
        place.execute(planted);
        assert_ne!(question.ask(&store, &place.clock).await[part], right[part], "{planted}");
    }
    file.close().await;
    store.close().await;
}
