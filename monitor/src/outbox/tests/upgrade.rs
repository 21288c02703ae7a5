//! Stores of other versions: an older one goes on with everything in it, a newer one is left alone.

use super::*;
use crate::interpret::FileState;

/// A folder with a store as a monitor of schema 1 left it.
fn older_store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.execute_batch(include_str!("store_1.sql")).unwrap();
    folder
}

/// What is lost of it when it is opened by this version.
fn lost(folder: &Path) -> Vec<&'static str> {
    let outbox = open(folder);
    let mut lost = Vec::new();
    let mut expect = |what, is_there: bool| {
        if !is_there {
            lost.push(what);
        }
    };
    expect("live events", ids(&outbox, Destination::Live) == [1, 2].map(numbered_id));
    expect("batch events", ids(&outbox, Destination::Batch) == [2, 3].map(numbered_id));
    let known: Option<(FileRow, FileState)> = outbox
        .turn(clock().now(), |turn| turn.file("p/s.jsonl"))
        .unwrap_or_else(|error: OutboxError| panic!("{error}"));
    expect(
        "read position",
        known.is_some_and(|(row, _)| row.position.offset == 4096 && row.skip_before == 7),
    );
    let status = Outbox::status(folder).unwrap();
    expect("quarantine", status.batch.quarantined == 1);
    expect("counters", status.counters.get("lines") == Some(&40));
    lost
}

#[test]
fn a_store_of_the_first_schema_goes_on_with_everything_in_it() {
    assert_eq!(lost(older_store().path()), [] as [&str; 0]);
}

#[test]
fn a_store_that_is_begun_anew_is_seen_by_the_check() {
    let folder = older_store();
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    // the planted bug: an older version is taken for damage
    file.pragma_update(None, "user_version", 0).unwrap();
    drop(file);
    assert_eq!(lost(folder.path()).len(), 5);
}

/// Everything in a folder but the shared memory, which is no content.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| name.starts_with("outbox.db") && !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

#[test]
fn a_newer_store_with_waiting_events_is_refused_unchanged_and_goes_on_with_its_own_version() {
    let folder = older_store();
    let version = |version: i64| {
        let newer = Connection::open(folder.path().join("outbox.db")).unwrap();
        newer.pragma_update(None, "user_version", version).unwrap();
        newer.pragma_update(None, "application_id", 0x5654_0000 | version).unwrap();
        newer
    };
    // a newer monitor that was killed: part of its store is still in the log
    let killed = version(2);
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in contents(folder.path()) {
        std::fs::write(copy.path().join(name), bytes).unwrap();
    }
    drop(killed);
    let before = contents(copy.path());
    assert_eq!(before.len(), 2, "database and log");
    let error = Outbox::open(copy.path(), &clock()).unwrap_err();
    assert!(matches!(error, OutboxError::Newer { found: 2, known: 1, .. }), "{error}");
    assert_eq!(contents(copy.path()), before);

    drop(version(1));
    assert_eq!(lost(folder.path()), [] as [&str; 0]);
}
