//! The writer without its thread, and with what a request cannot bring about.

use std::sync::Mutex;
use std::sync::mpsc::SyncSender;

use bytes::Bytes;
use tokio::sync::Semaphore;
use vibetea_protocol::{EventType, Timestamp};

use tokio::sync::oneshot;

use super::*;
use crate::store::queue::Insert;
use crate::store::{NewBatch, NewEvent, Route};

struct Bench {
    writer: Writer,
    health: Arc<Health>,
    broadcast: Arc<Mutex<Vec<u64>>>,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("x.db"));
    let broadcast = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&broadcast);
    let on_live =
        Box::new(move |live: &[LiveEvent]| seen.lock().unwrap().extend(live.iter().map(|live| live.seq)));
    let clock = Clock::fixed(Timestamp::from_micros(1_770_000_000_000_000).unwrap());
    let opened = super::super::open::open(&options).await.unwrap();
    let (writer, health) = Writer::new(opened, &options, clock, on_live);
    Bench { writer, health, broadcast, _folder: folder }
}

fn batch(numbers: std::ops::Range<u32>) -> NewBatch {
    let event = |number: u32| {
        let id = format!("evt_{number:020}").parse().unwrap();
        let timestamp = Timestamp::from_micros(i64::from(number)).unwrap();
        NewEvent::new(id, timestamp, EventType::Tool, Bytes::from_static(b"{}"))
    };
    NewBatch {
        source: Arc::new("laptop".parse().unwrap()),
        route: Route::Live,
        events: numbers.map(event).collect(),
    }
}

/// Serves one request and answers what it was told.
fn serve(bench: &mut Bench, numbers: std::ops::Range<u32>) -> Result<u64, StoreError> {
    let (answer, mut answered) = oneshot::channel();
    let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let insert = Insert::new(batch(numbers), answer, room);
    bench.writer.serve(Group { inserts: vec![insert], ..Group::default() });
    answered.try_recv().unwrap()
}

#[tokio::test]
async fn connection_that_fails_is_replaced_for_the_next_group() {
    let mut bench = bench().await;
    assert_eq!(serve(&mut bench, 0..3).unwrap(), 3);
    let dead = connection::reader(&bench.writer.path).unwrap();
    bench.writer.connection = Some(dead);
    let error = serve(&mut bench, 3..6).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(bench.health.recent().unwrap().is_err());
    assert_eq!(*bench.broadcast.lock().unwrap(), [1, 2, 3], "what is not stored is not broadcast");
    assert_eq!(serve(&mut bench, 0..6).unwrap(), 3);
    assert!(bench.health.recent().unwrap().is_ok());
    assert_eq!(bench.broadcast.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn file_that_cannot_be_opened_again_is_told_until_it_can() {
    let mut bench = bench().await;
    assert_eq!(serve(&mut bench, 0..3).unwrap(), 3);
    let (path, away) = (bench.writer.path.clone(), bench.writer.path.with_extension("away"));
    bench.writer.connection = None;
    std::fs::rename(&path, &away).unwrap();
    for _ in 0..2 {
        let error = serve(&mut bench, 3..6).unwrap_err();
        assert_eq!(error.to_string(), "the store is unavailable: the database cannot be opened");
    }
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(serve(&mut bench, 0..6).unwrap(), 3);
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn panic_while_writing_answers_the_waiter_and_stores_nothing() {
    let mut bench = bench().await;
    assert_eq!(serve(&mut bench, 0..3).unwrap(), 3);
    // the places run out, which debug builds answer with a panic
    bench.writer.inserter.ids.next_seq = i64::MAX - 49;
    let error = serve(&mut bench, 3..64).unwrap_err();
    assert_eq!(error.to_string(), "the store failed: the writer panicked");
    assert_eq!(bench.broadcast.lock().unwrap().len(), 3);
    assert_eq!(serve(&mut bench, 0..64).unwrap(), 61);
}

#[tokio::test]
async fn rolled_back_source_is_not_remembered() {
    let mut bench = bench().await;
    let connection = connection::writer(&bench.writer.path, Duration::ZERO).unwrap();
    // fails once the source is in
    connection.execute_batch("ALTER TABLE event RENAME TO hidden").unwrap();
    serve(&mut bench, 0..3).unwrap_err();
    connection.execute_batch("ALTER TABLE hidden RENAME TO event").unwrap();
    connection.execute("INSERT INTO source (name) VALUES ('desktop')", []).unwrap();
    assert_eq!(serve(&mut bench, 0..3).unwrap(), 3);
    let select = "SELECT DISTINCT source.name FROM event JOIN source ON source.id = event.source";
    let name: String = connection.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(name, "laptop");
}

#[tokio::test]
async fn large_log_is_moved_under_load_and_in_quiet_moments() {
    let mut bench = bench().await;
    let mut number = 0;
    while bench.writer.log_pages < IDLE_PAGES {
        serve(&mut bench, number..number + 1000).unwrap();
        number += 1000;
        bench.writer.move_log(BUSY_PAGES, PASSIVE);
        assert!(bench.writer.log_pages > 0, "a small log stays under load");
    }
    let (commands, incoming): (SyncSender<Command>, _) = sync_channel(1);
    let waker = thread::spawn(move || {
        // time enough for the moment to come on a slow machine
        thread::sleep(IDLE_AFTER * 12);
        drop(commands);
    });
    assert!(bench.writer.next(&incoming).is_none());
    waker.join().unwrap();
    assert_eq!(bench.writer.log_pages, 0, "moved in the quiet moment");
}
