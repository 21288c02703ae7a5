mod damage;
mod full;
#[cfg(target_os = "linux")]
mod io_errors;
#[cfg(target_os = "linux")]
mod power;
mod quarantine;
mod small_reader;
mod upgrade;
#[cfg(target_os = "linux")]
mod writer;

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use vibetea_protocol::names::{BaseName, SessionId};
use vibetea_protocol::{Clock, Timestamp};

use super::testing::numbered_id;
use super::*;

/// What starts the long form of a test, and what a test tells another process of its own.
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "these are switches of the tests, not settings")]
    std::env::var(name).ok()
}

/// The long form is asked for by `cargo xtask soak`.
fn is_soak() -> bool {
    variable("VIBETEA_SOAK").is_some()
}

fn clock() -> Clock {
    Clock::fixed("2026-11-24T12:00:00Z".parse().unwrap())
}

fn open(folder: &Path) -> Outbox {
    Outbox::open(folder, &clock()).unwrap()
}

fn ids(outbox: &Outbox, destination: Destination) -> Vec<EventId> {
    let queued = outbox.pending(destination, usize::MAX, usize::MAX).unwrap();
    queued.into_iter().map(|event| event.id).collect()
}

fn seqs(outbox: &Outbox, destination: Destination) -> Vec<i64> {
    let queued = outbox.pending(destination, usize::MAX, usize::MAX).unwrap();
    queued.into_iter().map(|event| event.seq).collect()
}

fn depths(outbox: &Outbox) -> [u64; 2] {
    Destination::ALL.map(|destination| outbox.depth(destination).unwrap())
}

#[test]
fn a_row_goes_when_both_destinations_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    assert!(outbox.put(1, "{}", Needs::Both).unwrap());
    assert!(outbox.put(2, "{}", Needs::Batch).unwrap());
    assert!(outbox.put(3, "{}", Needs::Live).unwrap());
    assert_eq!(depths(&outbox), [2, 2]);
    assert_eq!(outbox.bytes(), 3 * (2 + ENVELOPE_BYTES as u64));

    let live = seqs(&outbox, Destination::Live);
    outbox.acknowledge(Destination::Live, &live, false).unwrap();
    outbox.acknowledge(Destination::Live, &live, false).unwrap();
    assert_eq!(depths(&outbox), [0, 2]);
    assert_eq!(ids(&outbox, Destination::Batch), [numbered_id(1), numbered_id(2)]);

    outbox.acknowledge(Destination::Batch, &seqs(&outbox, Destination::Batch), false).unwrap();
    assert_eq!((depths(&outbox), outbox.bytes()), ([0, 0], 0));
}

#[test]
fn a_live_acknowledgement_can_clear_the_batch_need() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(1, "{}", Needs::Both).unwrap();
    outbox.acknowledge(Destination::Live, &seqs(&outbox, Destination::Live), true).unwrap();
    assert_eq!((depths(&outbox), outbox.bytes()), ([0, 0], 0));
}

#[test]
fn an_id_that_waits_is_kept_once_for_everyone_who_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    let batch = outbox.subscribe(Destination::Batch);
    assert!(outbox.put(1, "{}", Needs::Live).unwrap());
    let bytes = outbox.bytes();
    assert!(!batch.has_changed().unwrap());
    assert!(!outbox.put(1, r#"{"a":1}"#, Needs::Both).unwrap());
    assert!(!outbox.put(1, "{}", Needs::Batch).unwrap());
    assert_eq!((depths(&outbox), outbox.bytes()), ([1, 1], bytes));
    assert!(batch.has_changed().unwrap(), "whoever it is for now is told");
    drop(outbox);
    // its seal was kept up
    let outbox = open(folder.path());
    assert_eq!((depths(&outbox), outbox.bytes()), ([1, 1], bytes));
    let waiting = outbox.pending(Destination::Batch, 10, usize::MAX).unwrap();
    assert_eq!(waiting[0].payload, "{}", "the first reading stands");
    outbox.acknowledge(Destination::Live, &seqs(&outbox, Destination::Live), false).unwrap();
    outbox.acknowledge(Destination::Batch, &seqs(&outbox, Destination::Batch), false).unwrap();
    assert_eq!((depths(&outbox), outbox.bytes()), ([0, 0], 0));
}

#[test]
fn pending_is_bounded_by_number_and_bytes_but_never_stuck() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    for number in 0..10 {
        outbox.put(number, &format!("{{\"x\":\"{}\"}}", "y".repeat(1000)), Needs::Both).unwrap();
    }
    let lengths = |limit, bytes| outbox.pending(Destination::Live, limit, bytes).unwrap().len();
    assert_eq!(lengths(3, usize::MAX), 3);
    assert_eq!(lengths(100, 3 * 1300), 3);
    assert_eq!(lengths(100, 1), 1);
}

#[test]
fn places_are_never_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(1, "{}", Needs::Live).unwrap();
    let first = seqs(&outbox, Destination::Live);
    outbox.acknowledge(Destination::Live, &first, false).unwrap();
    outbox.put(2, "{}", Needs::Live).unwrap();
    assert!(seqs(&outbox, Destination::Live) > first);
}

#[test]
fn counts_survive_a_restart_and_a_failed_turn_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(1, "{}", Needs::Both).unwrap();
    outbox.put(2, r#"{"a":1}"#, Needs::Batch).unwrap();
    let before = (depths(&outbox), outbox.bytes());
    let failed: Result<(), OutboxError> = outbox.turn(clock().now(), |turn| {
        turn.add_parts((numbered_id(3), clock().now(), EventType::Tool), "{}", Needs::Both)?;
        turn.count("lines", 3)?;
        Err(OutboxError::Full)
    });
    assert!(failed.is_err());
    assert_eq!((depths(&outbox), outbox.bytes()), before);
    drop(outbox);
    let outbox = open(folder.path());
    assert_eq!((depths(&outbox), outbox.bytes()), before);
}

#[test]
fn subscribers_wake_for_their_destination() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    let [mut live, mut batch] = Destination::ALL.map(|destination| outbox.subscribe(destination));
    let mut removed = outbox.subscribe_removed();
    outbox.put(1, "{}", Needs::Live).unwrap();
    assert!(live.has_changed().unwrap() && !batch.has_changed().unwrap());
    live.mark_unchanged();
    outbox.put(1, "{}", Needs::Live).unwrap();
    assert!(!live.has_changed().unwrap());
    outbox.put(2, "{}", Needs::Batch).unwrap();
    assert!(batch.has_changed().unwrap() && !removed.has_changed().unwrap());
    batch.mark_unchanged();
    outbox.acknowledge(Destination::Live, &[1], false).unwrap();
    assert!(removed.has_changed().unwrap());
    removed.mark_unchanged();
}

#[test]
fn quarantine_keeps_the_event_and_lets_the_queue_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(1, "{}", Needs::Both).unwrap();
    let seq = seqs(&outbox, Destination::Batch)[0];
    outbox.quarantine(Destination::Batch, seq, "invalid_event").unwrap();
    outbox.quarantine(Destination::Batch, seq, "invalid_event").unwrap();
    assert_eq!(depths(&outbox), [1, 0]);
    let status = Outbox::status(folder.path()).unwrap();
    assert_eq!((status.batch.quarantined, status.live.quarantined), (1, 0));
    assert!(status.running);
}

#[test]
fn dropped_history_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(1, "{}", Needs::Both).unwrap();
    outbox.put(2, "{}", Needs::Batch).unwrap();
    assert_eq!(outbox.drop_all(Destination::Batch, "no_history").unwrap(), 2);
    assert_eq!(depths(&outbox), [1, 0]);
    let counters = Outbox::status(folder.path()).unwrap().counters;
    assert_eq!(counters.get("dropped_batch_no_history"), Some(&2));
}

#[test]
fn status_shows_the_newest_report_and_the_last_acknowledgement() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Outbox::status(folder.path()), Err(OutboxError::Missing { .. })));
    let outbox = open(folder.path());
    let now: Timestamp = clock().now();
    let mut report =
        DeliveryReport { state: DeliveryState::Delivering, at: now, acknowledged: Some(now), error: None };
    outbox.record_delivery(Destination::Live, &report).unwrap();
    report = DeliveryReport {
        state: DeliveryState::Refused,
        acknowledged: None,
        error: Some("401 unknown_source".to_owned()),
        ..report
    };
    outbox.record_delivery(Destination::Live, &report).unwrap();
    drop(outbox);
    let status = Outbox::status(folder.path()).unwrap();
    assert!(!status.running);
    assert_eq!(status.batch.report, None);
    let shown = status.live.report.unwrap();
    assert_eq!((shown.state, shown.acknowledged), (DeliveryState::Refused, Some(now)));
    assert_eq!(shown.error.as_deref(), Some("401 unknown_source"));
}

#[test]
fn the_last_error_is_kept_with_its_time_when_delivery_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    let at = |second: i64| Timestamp::from_micros(clock().now().as_micros() + second * 1_000_000).unwrap();
    let said = |second, state, error: Option<&str>| {
        let error = error.map(str::to_owned);
        let report = DeliveryReport { state, at: at(second), acknowledged: None, error };
        outbox.record_delivery(Destination::Batch, &report).unwrap();
        Outbox::status(folder.path()).unwrap().batch
    };
    assert_eq!(said(0, DeliveryState::Delivering, None).last_error, None);
    let last = |error: &str, second| Some(LastError { error: error.to_owned(), at: at(second) });
    assert_eq!(said(1, DeliveryState::Retrying, Some("503")).last_error, last("503", 1));
    let recovered = said(2, DeliveryState::Delivering, None);
    assert_eq!(recovered.last_error, last("503", 1));
    assert_eq!(recovered.report.unwrap().error, None);
    assert_eq!(said(3, DeliveryState::Refused, Some("401")).last_error, last("401", 3));
    assert_eq!(Outbox::status(folder.path()).unwrap().live.last_error, None);
}

#[test]
fn a_second_monitor_is_told_which_folder_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let error = Outbox::open(folder.path(), &clock()).unwrap_err();
    assert!(matches!(&error, OutboxError::Locked { folder: named } if named == folder.path()));
    assert!(error.to_string().contains(&folder.path().display().to_string()));
    // planted bug: where the lock says nothing, the check sees a second monitor at work
    std::fs::remove_file(folder.path().join("outbox.lock")).unwrap();
    drop(open(folder.path()));
    drop(first);
    open(folder.path());
}

#[test]
fn a_start_outlasts_somebody_who_only_asks_whether_a_monitor_runs() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let asking = std::fs::File::open(folder.path().join("outbox.lock")).unwrap();
    asking.try_lock_shared().unwrap();
    std::thread::scope(|threads| {
        let start = threads.spawn(|| open(folder.path()));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!start.is_finished(), "the lock was in the way");
        drop(asking);
        start.join().unwrap();
    });
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/vibetea");
    let outbox = open(&folder);
    outbox.put(1, "{}", Needs::Live).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_damaged_store_is_set_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = folder.path().join("outbox.db");
    for round in 0..6 {
        std::fs::write(
            &file,
            "this is no store, but it is long enough to have a header of some kind: ".repeat(3),
        )
        .unwrap();
        let later =
            Clock::fixed(Timestamp::from_micros(clock().now().as_micros() + round * 1_000_000).unwrap());
        drop(Outbox::open(folder.path(), &later).unwrap());
    }
    let names: BTreeSet<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let aside: Vec<&String> = names.iter().filter(|name| name.starts_with("outbox.db.corrupt-")).collect();
    assert_eq!(aside.len(), 3, "{names:?}");
    assert!(aside[0].starts_with("outbox.db.corrupt-2026-11-24T120003"), "{aside:?}");
}

/// Changes one value behind `SQLite`'s back and says whether opening notices.
fn notices(damage: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    outbox.put(2, "{}", Needs::Live).unwrap();
    outbox.quarantine(Destination::Live, 1, "400 invalid_event").unwrap();
    outbox.put(1, "{}", Needs::Both).unwrap();
    outbox
        .turn(clock().now(), |turn| {
            turn.remember_project(
                &SessionId::new("11111111-2222-4333-8444-555555555555").unwrap(),
                &BaseName::new("shop").unwrap(),
            )?;
            turn.save_file("a/b.jsonl", &FileRow { skip_before: 7, ..FileRow::default() }, &())
        })
        .unwrap_or_else(|error: OutboxError| panic!("{error}"));
    drop(outbox);
    let connection = Connection::open(folder.path().join("outbox.db")).unwrap();
    assert_eq!(connection.execute(damage, []).unwrap(), 1);
    drop(connection);
    open(folder.path()).depth(Destination::Live).unwrap() == 0
}

#[test]
fn a_changed_value_is_noticed_on_opening() {
    for damage in [
        "UPDATE outbox SET id = '00000000000000000002'",
        "UPDATE outbox SET payload = '{ }'",
        "UPDATE outbox SET timestamp = timestamp + 1",
        "UPDATE outbox SET live = 0",
        "UPDATE outbox SET live = 0, batch = 0, seal = seal - 3",
        "UPDATE file SET offset = 8",
        "UPDATE file SET path = 'a/c.jsonl'",
        "UPDATE quarantine SET payload = '{ }'",
        "UPDATE quarantine SET destination = 1",
        "UPDATE quarantine SET reason = '400 else'",
        "UPDATE session_project SET project = 'chop'",
        "UPDATE session_project SET session = '11111111-2222-4333-8444-555555555556'",
    ] {
        assert!(notices(damage), "{damage}");
    }
    assert!(!notices("UPDATE outbox SET live = live"), "an untouched store must be kept");
}

#[test]
fn the_store_is_durable_and_its_sqlite_has_no_known_corruption_bug() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    let connection = outbox.connection();
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    assert!(rusqlite::version_number() >= 3_051_003);
}
