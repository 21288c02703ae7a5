//! Disks that fill and programs that hold the lock: refuse, keep reading, recover.

use std::fs;
use std::time::{Duration, Instant};

use vibetea_server::store::{Route, SourceFilter, SqliteOptions, Store, StoreError};

use crate::mount::Mount;
use crate::support::{DEADLINE, Place, batch, insert, stored};

fn reason(outcome: Result<impl std::fmt::Debug, StoreError>) -> String {
    match outcome.unwrap_err() {
        StoreError::Unavailable(reason) => reason,
        other @ StoreError::Internal(_) => panic!("{other}"),
    }
}

/// A store whose readiness says the same as its last write.
async fn becomes_writable(store: &Store) {
    let deadline = Instant::now() + DEADLINE;
    while let Err(error) = store.check_writable().await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn full_disk_refuses_writes_keeps_reads_and_recovers_without_a_restart() {
    let Some(mount) = Mount::new("size=4m") else { return };
    let place = Place::on(&mount);
    let store = place.open().await;
    let mut acknowledged = Vec::new();
    let mut next = 0;
    let refusal = loop {
        let mut batch = batch("laptop", Route::Live, next..next + 100);
        for event in &mut batch.events {
            event.payload = format!(r#"{{"filler":"{}"}}"#, "x".repeat(400)).into();
        }
        match store.bulk_insert_events(batch).await {
            Ok(inserted) => {
                assert_eq!(inserted, 100);
                acknowledged.extend(next..next + 100);
                next += 100;
            }
            Err(error) => break error,
        }
        assert!(next < 100_000, "the disk never filled");
    };
    assert_eq!(reason(Err::<(), _>(refusal)), "the disk is full");
    assert!(acknowledged.len() >= 1000);
    assert_eq!(reason(store.check_writable().await), "the disk is full");

    // the refused batch left nothing behind, and reading goes on
    let events = acknowledged.len() as u64;
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, events);
    let hours = store.get_hourly_aggregates(7, SourceFilter::All).await.unwrap();
    assert_eq!(hours.iter().map(|row| row.event_count).sum::<u64>(), events);
    assert_eq!(place.told(&store).await.len() as u64, events);

    mount.change("size=64m");
    assert_eq!(insert(&store, "laptop", Route::Live, next..next + 100).await.unwrap(), 100);
    becomes_writable(&store).await;
    acknowledged.extend(next..next + 100);
    store.close().await;
    assert_eq!(stored(&place), acknowledged);
}

#[tokio::test]
async fn disk_that_fills_to_the_last_byte_is_noticed_by_the_check_alone() {
    let Some(mount) = Mount::new("size=2m") else { return };
    let place = Place::on(&mount);
    let store = place.open().await;
    store.check_writable().await.unwrap();
    let ballast = mount.path().join("ballast");
    // larger than the disk: what fits is written
    let _ = fs::write(&ballast, vec![0; 4 * 1024 * 1024]);
    let deadline = Instant::now() + DEADLINE;
    while store.check_writable().await.is_ok() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fs::remove_file(ballast).unwrap();
    becomes_writable(&store).await;
    store.close().await;
}

#[tokio::test]
async fn program_that_holds_the_write_lock_delays_or_refuses_but_loses_nothing() {
    let place = Place::new();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(50), ..place.options() };
    let store = Store::open_sqlite(options, place.clock.clone(), place.recorder()).await.unwrap();
    let mut shell = place.shell();
    let held = shell.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let refusal = reason(insert(&store, "laptop", Route::Live, 0..10).await);
    assert_eq!(refusal, "another program holds the database");
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 0, "reading goes on");
    assert!(place.told(&store).await.is_empty(), "what is not stored is not broadcast");
    drop(held);
    assert_eq!(insert(&store, "laptop", Route::Live, 0..10).await.unwrap(), 10);
    assert_eq!(place.told(&store).await.len(), 10);
    store.close().await;
}

#[tokio::test]
async fn check_writes_at_most_once_a_second() {
    let place = Place::new();
    let store = place.open().await;
    let writes = || place.shell().query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let start = Instant::now();
    let before = writes();
    for _ in 0..200 {
        store.check_writable().await.unwrap();
    }
    let written = writes() - before;
    let seconds = i64::try_from(start.elapsed().as_secs()).unwrap();
    assert!(written >= 1 && written <= seconds + 1, "{written} writes in {seconds} s");
    store.close().await;
}
