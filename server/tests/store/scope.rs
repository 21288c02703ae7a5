//! What a reader who may see some sources alone is told of hours and totals; the other questions draw such readers themselves.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vibetea_protocol::timestamp::MICROS_PER_HOUR;
use vibetea_protocol::{EventType, Timestamp};
use vibetea_server::store::{SourceFilter, Store, Totals};

use crate::home::cases;
use crate::model::{Made, SOURCES, events, send, sources};
use crate::support::{Place, at, clear};

fn recount(events: &[Made], sources: &SourceFilter) -> Totals {
    let seen: Vec<&Made> = events.iter().filter(|event| sources.admits(event.source_name())).collect();
    let mut totals = Totals { events: seen.len() as u64, ..Totals::default() };
    for event in &seen {
        totals.by_type[usize::from(event.event_type.number())] += 1;
    }
    totals.sources =
        SOURCES.iter().filter(|name| seen.iter().any(|event| event.source_name() == **name)).count() as u64;
    let moment = |micros: Option<i64>| micros.and_then(Timestamp::from_micros);
    totals.oldest = moment(seen.iter().map(|event| event.micros).min());
    totals.newest = moment(seen.iter().map(|event| event.micros).max());
    totals
}

async fn check(store: &Store, events: &[Made], sources: &SourceFilter) -> Result<(), TestCaseError> {
    prop_assert_eq!(store.totals(sources.clone()).await.unwrap(), recount(events, sources), "{:?}", sources);
    let mut all = store.get_hourly_aggregates(30, SourceFilter::All).await.unwrap();
    all.retain(|row| sources.admits(&row.source));
    prop_assert_eq!(store.get_hourly_aggregates(30, sources.clone()).await.unwrap(), all, "{:?}", sources);
    Ok(())
}

#[test]
fn a_reader_who_may_see_some_sources_is_told_of_these_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.open());
    let start = at("2026-02-01T00:00:00Z").as_micros();
    let moment = (-30 * MICROS_PER_HOUR..30 * MICROS_PER_HOUR).prop_map(move |off| start + off);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases(60)) };
    let outcome = TestRunner::new(config).run(&(events(moment, 40), sources()), |(events, sources)| {
        runtime.block_on(async {
            clear(&place);
            send(&store, &events).await;
            check(&store, &events, &sources).await
        })
    });
    runtime.block_on(store.close());
    outcome.unwrap();
}

/// The recount sees an event of somebody else.
#[tokio::test]
async fn the_check_catches_one_event_too_many() {
    let place = Place::new();
    let store = place.open().await;
    let made = |number, source| Made {
        number,
        source,
        micros: at("2026-02-03T10:00:00Z").as_micros(),
        event_type: EventType::Tool,
        payload: serde_json::json!({}),
    };
    let events = [made(1, 0), made(2, 1)];
    send(&store, &events).await;
    let own = SourceFilter::One(SOURCES[0].to_owned());
    check(&store, &events, &own).await.unwrap();
    assert_ne!(store.totals(SourceFilter::All).await.unwrap(), recount(&events, &own));
    store.close().await;
}
