//! Answers of many rows, which are fetched piece by piece, and readers whose connections were cut.

use bytes::Bytes;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_protocol::{EventType, Timestamp};
use vibetea_server::store::{
    EventFilter, EventsAnswer, EventsQuestion, NewBatch, NewEvent, Range, Route, Side, SourceFilter, Store,
};

use crate::support::{Place, at, id, insert, source};

/// More than a reader fetches at once, several times.
const MANY: u64 = 4000;

fn newest(project: Option<&str>, limit: usize) -> EventsQuestion {
    let filter = EventFilter { project: project.map(str::to_owned), ..EventFilter::default() };
    EventsQuestion { filter, range: Range::new(None, None), side: Side::Newest, limit }
}

fn ids(page: &EventsAnswer) -> Vec<String> {
    page.events.iter().map(|event| event.id.to_string()).collect()
}

/// Each in a quarter of an hour of its own; every other one names a project, and the earliest a rare one.
async fn fill(store: &Store) {
    let start = at("2026-02-03T14:00:00Z").as_micros();
    let event = |number: u64| {
        let project = match number {
            0 => "rare",
            number if number.is_multiple_of(2) => "even",
            _ => "odd",
        };
        let payload = Bytes::from(format!(r#"{{"project":"{project}"}}"#));
        let micros = start + i64::try_from(number).unwrap() * MICROS_PER_QUARTER;
        NewEvent::new(id(number), Timestamp::from_micros(micros).unwrap(), EventType::Activity, payload)
    };
    let events = (0..MANY).map(event).collect();
    let batch = NewBatch { source: source("laptop"), route: Route::Batch, events };
    assert_eq!(store.bulk_insert_events(batch).await.unwrap(), MANY);
}

#[tokio::test]
async fn no_event_is_lost_between_two_pieces_and_none_comes_twice() {
    let place = Place::new();
    let store = place.open().await;
    fill(&store).await;
    let limit = usize::try_from(MANY).unwrap();
    let all: Vec<_> = (0..MANY).rev().map(|number| id(number).to_string()).collect();
    assert_eq!(ids(&store.events(newest(None, limit)).await.unwrap()), all);
    // a question in each row of another one
    let even: Vec<_> = (1..MANY / 2).rev().map(|half| id(half * 2).to_string()).collect();
    assert_eq!(ids(&store.events(newest(Some("even"), limit)).await.unwrap()), even);
    assert_eq!(ids(&store.events(newest(Some("rare"), 1)).await.unwrap()), [id(0).to_string()]);
    // and the comparison sees an event that is lost
    place.execute("DELETE FROM events WHERE seq = (SELECT min(seq) + 1000 FROM events)");
    assert_ne!(ids(&store.events(newest(None, limit)).await.unwrap()), all);
}

#[tokio::test]
async fn a_connection_that_was_cut_while_nobody_used_it_is_replaced() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Live, [1, 2]).await.unwrap();
    store.events(newest(None, 10)).await.unwrap();
    // what is not replaced stays cut
    let mut other = place.home.database.owners_shell();
    for _ in 0..2 {
        place.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'vibetea'",
        );
        assert_eq!(store.events(newest(None, 10)).await.unwrap().events.len(), 2);
        other.try_execute("SELECT 1").unwrap_err();
    }
    place.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'vibetea'",
    );
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 2);
}
