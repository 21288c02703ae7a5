//! The live stream: once per event, in order, replayed as it was sent.

use vibetea_server::store::{LiveEvent, Route, SourceFilter};

use crate::support::{Place, assert_payload, batch, id, insert, source};

fn numbers(events: &[LiveEvent]) -> Vec<u64> {
    events.iter().map(|live| live.event.id.key().parse().unwrap()).collect()
}

#[tokio::test]
async fn only_what_comes_by_the_live_route_is_broadcast_and_once() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..10).await.unwrap();
    assert_eq!(insert(&store, "laptop", Route::Live, [20, 21, 20]).await.unwrap(), 2);
    assert_eq!(insert(&store, "laptop", Route::Live, [21, 22]).await.unwrap(), 1);
    insert(&store, "laptop", Route::Batch, [22, 23]).await.unwrap();
    assert_eq!(numbers(&place.told(&store).await), [20, 21, 22]);
    store.close().await;
}

#[tokio::test]
async fn event_stored_by_a_batch_is_broadcast_once_when_it_arrives_live() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..100).await.unwrap();
    let newest = store.newest_seq().await.unwrap();
    assert_eq!(insert(&store, "laptop", Route::Live, [200, 7, 201, 8, 7]).await.unwrap(), 2);
    assert_eq!(insert(&store, "laptop", Route::Live, [7, 8]).await.unwrap(), 0);

    assert_eq!(numbers(&place.told(&store).await), [200, 7, 201, 8]);
    let replayed = store.live_events_after(newest, 100).await.unwrap();
    assert_eq!(numbers(&replayed), [200, 7, 201, 8]);
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 102);
    assert_eq!(store.position_of(id(7)).await.unwrap(), Some(replayed[1].seq));
    store.close().await;
}

#[tokio::test]
async fn replay_shows_what_was_broadcast_even_if_the_live_arrival_differed() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, [1]).await.unwrap();
    let mut changed = batch("laptop", Route::Live, [1]);
    changed.events[0].payload = r#"{"project":"other"}"#.into();
    changed.events[0].facts.project = Some("other".into());
    store.bulk_insert_events(changed).await.unwrap();
    let broadcast = place.told(&store).await;
    let replayed = store.live_events_after(0, 10).await.unwrap();
    for live in [&broadcast[0], &replayed[0]] {
        assert_payload(&live.event.payload, r#"{"project":"shop","n":1}"#);
        assert_eq!(live.event.facts.project.as_deref(), Some("shop"));
        assert_eq!(live.source, source("laptop"));
        assert_eq!(live.event.timestamp, batch("laptop", Route::Live, [1]).events[0].timestamp);
    }
    store.close().await;
}

#[tokio::test]
async fn source_cannot_broadcast_an_event_of_another() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, [1]).await.unwrap();
    assert_eq!(insert(&store, "stranger", Route::Live, [1]).await.unwrap(), 0);
    assert_eq!(numbers(&place.told(&store).await), [0; 0]);
    store.close().await;
}

#[tokio::test]
async fn replay_pages_through_the_live_events_alone() {
    let place = Place::new();
    let store = place.open().await;
    for round in 0..10 {
        insert(&store, "laptop", Route::Batch, round * 100..round * 100 + 60).await.unwrap();
        insert(&store, "desktop", Route::Live, round * 100 + 60..round * 100 + 65).await.unwrap();
    }
    let mut place_in_stream = store.position_of(id(161)).await.unwrap().unwrap();
    let mut seen = Vec::new();
    loop {
        let page = store.live_events_after(place_in_stream, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        place_in_stream = last.seq;
        seen.extend(numbers(&page));
    }
    let expected: Vec<u64> =
        (162..165).chain((2..10).flat_map(|round| round * 100 + 60..round * 100 + 65)).collect();
    assert_eq!(seen, expected);
    assert_eq!(store.position_of(id(5)).await.unwrap(), None, "a batch event has no place in the stream");
    assert_eq!(store.position_of(id(99_999)).await.unwrap(), None);
    assert_eq!(store.live_events_after(u64::MAX, 7).await.unwrap().len(), 0);
    store.close().await;
}

#[tokio::test]
async fn project_is_read_back_from_the_payload_as_the_wire_reads_it() {
    let place = Place::new();
    let store = place.open().await;
    let payloads = [
        (r#"{"project":"shop"}"#, Some("shop")),
        (r#"{"project":"a","project":"b\u00e9"}"#, Some("bé")),
        (r#"{"project":5}"#, None),
        (r#"{"nested":{"project":"x"}}"#, None),
        ("{}", None),
    ];
    let mut sent = batch("laptop", Route::Live, 0..5);
    for (event, (payload, _)) in sent.events.iter_mut().zip(payloads) {
        event.payload = payload.into();
    }
    store.bulk_insert_events(sent).await.unwrap();
    let replayed = store.live_events_after(0, 10).await.unwrap();
    let projects: Vec<_> = replayed.iter().map(|live| live.event.facts.project.as_deref()).collect();
    assert_eq!(projects, payloads.map(|(_, project)| project));
    store.close().await;
}
