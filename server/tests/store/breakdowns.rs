//! Breakdowns against a plain recount.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_server::store::{
    BreakdownsAnswer, BreakdownsQuestion, NewBatch, NewEvent, Range, Route, SourceFilter, Store,
};

use crate::home::{blob, cases};
use crate::model::{Made, PROJECTS, events, send, sources, tally};
use crate::support::{Place, at, clear, id, source};

#[derive(Debug, Clone)]
struct Question {
    from: i64,
    to: i64,
    sources: SourceFilter,
    project: Option<&'static str>,
}

/// Steps, and the middle of the durations told with the second and third of them.
type Tool = ([u64; 3], Option<u64>);

impl Question {
    async fn ask(&self, store: &Store) -> BreakdownsAnswer {
        let range = Range::new(Timestamp::from_micros(self.from), Timestamp::from_micros(self.to));
        let project = self.project.map(str::to_owned);
        store.breakdowns(BreakdownsQuestion { sources: self.sources.clone(), project, range }).await.unwrap()
    }

    fn counted<'a>(&'a self, events: &'a [Made]) -> impl Iterator<Item = &'a Made> {
        events.iter().filter(|event| {
            (self.from..self.to).contains(&event.micros)
                && self.sources.admits(event.source_name())
                && self.project.is_none_or(|project| event.text("project") == Some(project))
        })
    }

    fn tools(&self, events: &[Made]) -> BTreeMap<String, Tool> {
        let mut tools = BTreeMap::<String, ([u64; 3], Vec<u64>)>::new();
        for event in self.counted(events) {
            let Some(tool) = event.tool() else { continue };
            let (steps, durations) = tools.entry(tool.to_owned()).or_default();
            let Some(step) = event.step() else { continue };
            steps[step] += 1;
            let duration = &event.payload["durationMs"];
            let duration =
                duration.as_u64().or(duration.as_f64().filter(|value| value.fract() > 0.0).map(|_| 2));
            durations.extend(duration.filter(|_| step > 0).map(|millis| millis.min((1 << 40) - 1)));
        }
        let tools = tools.into_iter().map(|(tool, (steps, mut durations))| {
            durations.sort_unstable();
            (tool, (steps, durations.get(durations.len().saturating_sub(1) / 2).copied()))
        });
        tools.collect()
    }

    fn check(&self, answer: &BreakdownsAnswer, events: &[Made]) -> Result<(), TestCaseError> {
        let named = |name: Option<&str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
        let projects: BTreeMap<_, _> =
            answer.projects.iter().map(|row| (row.project.clone(), row.event_count)).collect();
        prop_assert_eq!(projects, tally(self.counted(events).map(|event| named(event.text("project")))));
        let sources: BTreeMap<_, _> =
            answer.sources.iter().map(|row| (&row.source[..], row.event_count)).collect();
        prop_assert_eq!(sources, tally(self.counted(events).map(Made::source_name)));
        let types: BTreeMap<_, _> =
            answer.types.iter().map(|row| (row.event_type, row.event_count)).collect();
        prop_assert_eq!(types, tally(self.counted(events).map(|event| event.event_type)));
        prop_assert_eq!(answer.total, self.counted(events).count() as u64);
        let tools = self.tools(events);
        prop_assert_eq!(answer.tools.len(), tools.len());
        for row in &answer.tools {
            let (steps, middle) = tools[&row.tool];
            prop_assert_eq!([row.started, row.completed, row.failed], steps, "{}", &row.tool);
            let is_near = match (row.median_duration_ms, middle) {
                (Some(told), Some(middle)) => told.abs_diff(middle) * 20 <= middle,
                (told, middle) => told == middle,
            };
            prop_assert!(is_near, "{}: {:?} for {middle:?}", &row.tool, row.median_duration_ms);
        }
        prop_assert!(answer.projects.is_sorted_by_key(|row| std::cmp::Reverse(row.event_count)));
        prop_assert!(answer.types.is_sorted_by_key(|row| std::cmp::Reverse(row.event_count)));
        Ok(())
    }
}

fn moment() -> impl Strategy<Value = i64> {
    let start = at("2026-02-03T00:00:00Z").as_micros();
    prop_oneof![
        (
            -3..=3_i64,
            prop_oneof![Just(MICROS_PER_DAY), Just(MICROS_PER_HOUR), Just(MICROS_PER_QUARTER)],
            -1..=1_i64
        )
            .prop_map(move |(count, unit, off)| start + count * unit + off),
        (-100..100_i64).prop_map(move |days| start + days * MICROS_PER_DAY),
        (-3 * MICROS_PER_DAY..3 * MICROS_PER_DAY).prop_map(move |off| start + off),
        (-MICROS_PER_HOUR..MICROS_PER_HOUR).prop_map(move |off| start + off),
    ]
}

#[test]
fn breakdowns_equal_a_plain_recount() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let project = prop::option::of(prop::sample::select(&PROJECTS[..]));
    let case = (events(moment(), 120), (moment(), moment(), sources(), project));
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(80)) };
    let outcome = TestRunner::new(config).run(&case, |(events, (a, b, sources, project))| {
        runtime.block_on(async {
            clear(&place);
            send(&store, &events).await;
            let whole = Question { from: 0, to: i64::MAX / 2, sources: SourceFilter::All, project: None };
            let part = Question { from: a.min(b), to: a.max(b), sources, project };
            for question in [&part, &Question { sources: SourceFilter::All, ..part.clone() }, &whole] {
                question.check(&question.ask(&store).await, &events)?;
            }
            Ok(())
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

/// The check sees counts that are off by one, whichever slots they are kept in.
#[tokio::test]
async fn recount_catches_planted_mistakes() {
    let place = Place::new();
    let store = place.open().await;
    let moment = at("2026-02-03T10:07:00Z").as_micros();
    let payload =
        serde_json::json!({"tool": "Read", "status": "completed", "durationMs": 1000, "project": "shop"});
    let event_type = vibetea_protocol::EventType::Tool;
    let made = vec![Made { number: 1, source: 0, micros: moment, event_type, payload }];
    send(&store, &made).await;
    let hour = Question {
        from: moment - MICROS_PER_HOUR,
        to: moment + MICROS_PER_HOUR,
        sources: SourceFilter::All,
        project: None,
    };
    let week = Question {
        from: moment - 3 * MICROS_PER_DAY,
        to: moment + 3 * MICROS_PER_DAY,
        sources: SourceFilter::All,
        project: None,
    };
    let half_year = Question {
        from: moment - 90 * MICROS_PER_DAY,
        to: moment + 90 * MICROS_PER_DAY,
        sources: SourceFilter::All,
        project: None,
    };
    for (question, table) in [(&hour, "quarterly"), (&week, "daily"), (&half_year, "periodic")] {
        question.check(&question.ask(&store).await, &made).unwrap();
        for column in ["events", "completed"] {
            let change = |by| {
                let change = format!("UPDATE {table} SET {column} = {column} + {by}");
                place.execute(&change);
            };
            change(1);
            question.check(&question.ask(&store).await, &made).unwrap_err();
            change(-1);
        }
        // a duration in a bucket far away
        place.execute(&format!("UPDATE {table} SET durations = {}", blob("0301")));
        question.check(&question.ask(&store).await, &made).unwrap_err();
    }
    store.close().await;
}

#[tokio::test]
async fn names_beyond_the_bound_count_as_other() {
    let place = Place::new();
    let store = place.open().await;
    let long = "x".repeat(300);
    let tools: Vec<String> = (0..250).map(|number| format!("tool-{number}")).chain([long]).collect();
    let now = at("2026-02-03T14:05:06Z");
    let events = tools.iter().zip(0..).map(|(tool, number)| {
        let payload = format!(r#"{{"tool":"{tool}","status":"started","sessionId":"s"}}"#);
        NewEvent::new(id(number), now, vibetea_protocol::EventType::Tool, payload.into())
    });
    let batch = NewBatch { source: source("laptop"), route: Route::Batch, events: events.collect() };
    store.bulk_insert_events(batch).await.unwrap();
    for whole in [true, false] {
        let from = if whole { 0 } else { now.as_micros() - 1 };
        let answer = Question { from, to: now.as_micros() + 1, sources: SourceFilter::All, project: None }
            .ask(&store)
            .await;
        assert_eq!(answer.total, 251);
        let other = answer.tools.iter().find(|row| row.tool == "other").unwrap();
        assert_eq!((answer.tools.len(), other.started), (201, 51));
    }
    store.close().await;
}
