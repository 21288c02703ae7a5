//! Storing once, counting exactly, committing in groups.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use vibetea_protocol::EventType;
use vibetea_server::store::{NewBatch, Route, SourceFilter, StoreError, Totals};

use crate::home::held_up;
use crate::support::{DEADLINE, Place, assert_payload, at, batch, event, insert, source, stored};

#[tokio::test]
async fn each_event_is_stored_once_and_counted_once_per_request() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..137).await.unwrap(), 137);
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..137).await.unwrap(), 0);
    assert_eq!(insert(&store, "laptop", Route::Batch, 100..200).await.unwrap(), 63);
    assert_eq!(insert(&store, "laptop", Route::Batch, []).await.unwrap(), 0);
    let twice = (300..360).chain(300..361).chain([300]);
    assert_eq!(insert(&store, "laptop", Route::Batch, twice).await.unwrap(), 61);
    assert_eq!(insert(&store, "desktop", Route::Batch, [5, 400]).await.unwrap(), 1);

    assert_eq!(stored(&place), (0..200).chain(300..361).chain([400]).collect::<Vec<_>>());
    let rows = store.get_hourly_aggregates(7, SourceFilter::All).await.unwrap();
    let counts: Vec<_> = rows.iter().map(|row| (row.source.as_str(), row.hour, row.event_count)).collect();
    assert_eq!(counts, [("desktop", 14, 1), ("laptop", 14, 261)]);
    store.close().await;
}

#[tokio::test]
async fn first_version_of_an_event_is_kept() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, [1]).await.unwrap();
    let mut other = batch("laptop", Route::Batch, [1]);
    other.events[0].payload = "{}".into();
    assert_eq!(store.bulk_insert_events(other).await.unwrap(), 0);
    assert_payload(&place.column("SELECT payload FROM events")[0], r#"{"project":"shop","n":1}"#);
    store.close().await;
}

/// A request whose batch is in the queue of a writer that is held up: its first poll puts it there.
fn queued<T>(request: impl Future<Output = T>) -> Pin<Box<impl Future<Output = T>>> {
    let mut request = Box::pin(request);
    assert!((&mut request).now_or_never().is_none());
    request
}

#[tokio::test]
async fn requests_that_wait_are_committed_together_and_answered_apart() {
    let place = Place::new();
    let (store, gate) = held_up(&place, |_| {}).await;
    let mut waiting = Vec::new();
    for numbers in [1..51, 26..76, 1..76, 76..77] {
        waiting.push(queued(insert(&store, "laptop", Route::Live, numbers)));
    }
    drop(gate);
    let mut inserted = Vec::new();
    for insert in waiting {
        inserted.push(insert.await.unwrap());
    }
    assert_eq!(inserted, [50, 25, 0, 1]);
    // the first one was event 0
    assert_eq!(place.live_commits(), 2);
    for number in 100..104 {
        insert(&store, "laptop", Route::Live, [number]).await.unwrap();
    }
    assert_eq!(place.live_commits(), 6, "requests that do not wait for each other are seen apart");
    store.close().await;
}

#[tokio::test]
async fn caller_that_leaves_before_the_commit_cancels_nothing() {
    let place = Place::new();
    let (store, gate) = held_up(&place, |_| {}).await;
    drop(queued(insert(&store, "laptop", Route::Live, 1..4)));
    drop(gate);
    // the queue keeps its order, so what was queued before this is stored before it
    insert(&store, "laptop", Route::Batch, [4]).await.unwrap();
    assert_eq!(stored(&place), [0, 1, 2, 3, 4]);
    assert_eq!(place.told(&store).await.len(), 4);
    store.close().await;
}

#[tokio::test]
async fn full_queue_is_refused_at_once_and_has_room_again_later() {
    for limit in ["requests", "bytes"] {
        let place = Place::new();
        let (store, gate) = held_up(&place, |options| match limit {
            "requests" => options.queue_requests = 2,
            _ => options.queue_bytes = 2000,
        })
        .await;
        let mut accepted = Vec::new();
        let mut refused = 0;
        for number in 1..20 {
            let mut insert = Box::pin(insert(&store, "laptop", Route::Batch, [number]));
            match (&mut insert).now_or_never() {
                None => accepted.push(insert),
                Some(Err(StoreError::Unavailable(reason))) => {
                    assert_eq!(reason, "too many events are waiting to be stored");
                    refused += 1;
                }
                Some(other) => panic!("{other:?}"),
            }
        }
        assert!(refused >= 12, "{limit}: {refused}");
        drop(gate);
        for insert in accepted.drain(..) {
            assert_eq!(insert.await.unwrap(), 1);
        }
        assert_eq!(insert(&store, "laptop", Route::Batch, 100..150).await.unwrap(), 50, "{limit}");
        drop(accepted);
        store.close().await;
    }
}

#[tokio::test]
async fn closing_stores_what_is_queued_and_refuses_what_comes_later() {
    let place = Place::new();
    let (store, gate) = held_up(&place, |_| {}).await;
    let waiting = queued(insert(&store, "laptop", Route::Batch, 1..100));
    drop(gate);
    store.close().await;
    assert_eq!(waiting.await.unwrap(), 99);
    assert_eq!(
        insert(&store, "laptop", Route::Batch, [100]).await.unwrap_err().to_string(),
        "the store is unavailable: the store is closed"
    );
    assert!(store.newest_seq().await.is_err());
    assert!(store.check_writable().await.is_err());
    store.close().await;
    assert_eq!(stored(&place).len(), 100);
    place.home.assert_closed().await;
}

#[tokio::test]
async fn broadcast_that_panics_costs_no_answer() {
    let place = Place::new();
    let on_live = Box::new(|_: &[_]| panic!("on purpose"));
    let store = place.open_as(place.options(), on_live).await.unwrap();
    assert_eq!(insert(&store, "laptop", Route::Live, 0..3).await.unwrap(), 3);
    assert_eq!(insert(&store, "laptop", Route::Live, 3..6).await.unwrap(), 3);
    store.close().await;
}

#[tokio::test]
async fn restart_keeps_everything_and_goes_on_counting() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Live, 0..70).await.unwrap();
    let before = store.newest_seq().await.unwrap();
    store.close().await;

    let store = place.open().await;
    assert_eq!(store.newest_seq().await.unwrap(), before);
    assert_eq!(insert(&store, "laptop", Route::Live, 50..80).await.unwrap(), 10);
    assert!(store.newest_seq().await.unwrap() > before);
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 80);
    assert_eq!(store.live_events_after(0, 1000).await.unwrap().len(), 80);
    store.close().await;
}

#[tokio::test]
async fn store_that_is_dropped_stores_what_is_queued_and_lets_go_of_the_database() {
    let place = Place::new();
    let store = place.open().await;
    {
        let mut request = Box::pin(insert(&store, "laptop", Route::Batch, 0..10));
        // it is queued, and may be stored already
        let _ = (&mut request).now_or_never();
    }
    drop(store);
    let start = Instant::now();
    let store = loop {
        match place.try_open().await {
            Ok(store) if store.totals(SourceFilter::All).await.unwrap().events == 10 => break store,
            Ok(store) => store.close().await,
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
        assert!(start.elapsed() < DEADLINE, "what was queued is not stored");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..11).await.unwrap(), 1);
    store.close().await;
}

#[tokio::test]
async fn totals_tell_events_sources_types_and_ends() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.totals(SourceFilter::All).await.unwrap(), Totals::default());
    let (early, late) = (at("1970-01-01T00:00:00Z"), at("9999-12-31T23:59:59.999999Z"));
    let events = vec![event(0, late), event(2, early), event(8, at("2026-02-03T00:00:00Z"))];
    let repeated = NewBatch { source: source("laptop"), route: Route::Batch, events };
    store.bulk_insert_events(repeated.clone()).await.unwrap();
    store.bulk_insert_events(repeated).await.unwrap();
    insert(&store, "desktop", Route::Live, [3]).await.unwrap();
    // sends nothing new
    insert(&store, "parrot", Route::Batch, [3]).await.unwrap();
    let totals = store.totals(SourceFilter::All).await.unwrap();
    assert_eq!((totals.events, totals.sources), (4, 2));
    assert_eq!(totals.by_type[usize::from(EventType::Tool.number())], 2);
    assert_eq!(totals.by_type, [1, 0, 2, 1, 0, 0]);
    assert_eq!((totals.oldest, totals.newest), (Some(early), Some(late)));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_senders_of_overlapping_batches_are_told_each_event_once() {
    let place = Place::new();
    let store = place.open().await;
    let senders: Vec<_> = (0..16_u64)
        .map(|sender| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut inserted = 0;
                for round in 0..25 {
                    let first = (sender * 7 + round * 31) % 400;
                    let route = if sender % 2 == 0 { Route::Live } else { Route::Batch };
                    inserted += insert(&store, "laptop", route, first..first + 60).await.unwrap();
                }
                inserted
            })
        })
        .collect();
    let mut inserted = 0;
    for sender in senders {
        inserted += sender.await.unwrap();
    }
    let stored = stored(&place);
    assert_eq!(inserted, stored.len() as u64);
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, inserted);
    let told = place.told(&store).await;
    let broadcast: Vec<_> = told.iter().map(|live| live.seq).collect();
    assert!(broadcast.is_sorted_by(|a, b| a < b), "the live stream is in order");
    let ids: BTreeSet<_> = told.iter().map(|live| live.event.id.to_string()).collect();
    assert_eq!(ids.len(), broadcast.len(), "nothing was broadcast twice");
    let replayed: Vec<_> = store.live_events_after(0, 10_000).await.unwrap();
    assert_eq!(replayed.iter().map(|live| live.seq).collect::<Vec<_>>(), broadcast);
    store.close().await;
}

#[tokio::test]
async fn a_writer_that_is_stuck_is_told_and_one_that_is_idle_is_not() {
    let place = Place::new();
    let (store, gate) = held_up(&place, |_| {}).await;
    let start = Instant::now();
    while store.check_writable().await.is_ok() {
        assert!(start.elapsed() < DEADLINE, "nobody notices");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(gate);
    while store.check_writable().await.is_err() {
        assert!(start.elapsed() < DEADLINE, "it is never told to be well again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store.close().await;
    // the same check of a writer that has nothing to do
    let place = Place::new();
    let store = place.open().await;
    store.check_writable().await.unwrap();
    store.close().await;
}
