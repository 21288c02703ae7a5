//! Stores of other versions: an older one goes on with everything in it, a newer one is left alone.

use vibetea_protocol::names::SessionId;

use super::*;
use crate::interpret::FileState;

const SESSION: &str = "11111111-2222-4333-8444-555555555555";

/// A folder with a store as a monitor of that schema left it.
fn older_store(schema: i64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.execute_batch(include_str!("store_1.sql")).unwrap();
    file.execute("INSERT INTO session_project VALUES (?1, 'shop')", [SESSION]).unwrap();
    // as the programs of the schemas in between made it from this one
    let steps = [(2, include_str!("../from_1_to_2.sql")), (3, include_str!("../from_2_to_3.sql"))];
    for (made, step) in steps.into_iter().filter(|(made, _)| *made <= schema) {
        seal::teach(&file).unwrap();
        file.execute_batch(step).unwrap();
        file.pragma_update(None, "application_id", 0x5654_0000 | made).unwrap();
        file.pragma_update(None, "user_version", made).unwrap();
    }
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
    let project = outbox
        .turn(clock().now(), |turn| turn.session_project(&SessionId::new(SESSION).unwrap()))
        .unwrap_or_else(|error: OutboxError| panic!("{error}"));
    expect("project", project.is_some_and(|project| project.as_str() == "shop"));
    let set_aside = Quarantine::open(folder).unwrap().list().unwrap();
    let set_aside: Vec<_> = set_aside.iter().map(|event| (event.id, event.reason.as_str())).collect();
    expect("quarantine", set_aside == [(numbered_id(4), "400 invalid_event")]);
    let status = Outbox::status(folder).unwrap();
    expect("counters", status.counters.get("lines") == Some(&40));
    lost
}

#[test]
fn a_store_of_an_older_schema_goes_on_with_everything_in_it() {
    for schema in [1, 2, 3] {
        let folder = older_store(schema);
        for start in ["that makes it today's", "that checks what was made of it"] {
            assert_eq!(lost(folder.path()), [] as [&str; 0], "{schema}: the start {start}");
        }
        assert_eq!(open(folder.path()).question(), Question::default());
    }
}

/// What a store is made of, names of indexes that `SQLite` gave included.
fn tables(folder: &Path) -> Vec<(String, String)> {
    let store = Connection::open(folder.join("outbox.db")).unwrap();
    let mut statement = store.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let plain = |sql: &str| -> String {
        let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        code.flat_map(str::split_whitespace).collect()
    };
    let mut tables: Vec<(String, String)> =
        rows.map(Result::unwrap).map(|(name, sql): (String, String)| (name, plain(&sql))).collect();
    tables.sort();
    tables
}

#[test]
fn the_status_of_an_older_monitor_that_runs_can_be_read() {
    for schema in [1, 2, 3] {
        let folder = older_store(schema);
        let status = Outbox::status(folder.path()).unwrap();
        assert_eq!((status.live.waiting, status.live.last_error), (2, None), "{schema}");
    }
}

#[test]
fn an_older_store_becomes_what_a_new_one_is() {
    let new = tempfile::tempdir().unwrap();
    drop(open(new.path()));
    for schema in [1, 2, 3] {
        let older = older_store(schema);
        assert_ne!(tables(older.path()), tables(new.path()));
        drop(open(older.path()));
        assert_eq!(tables(older.path()), tables(new.path()));
    }
}

#[test]
fn an_upgrade_without_seals_is_seen_by_the_check() {
    let folder = older_store(1);
    assert_eq!(lost(folder.path()), [] as [&str; 0]);
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    // the planted bug: the new column is there, and nobody filled it
    file.execute("UPDATE quarantine SET seal = 0", []).unwrap();
    drop(file);
    assert_eq!(lost(folder.path()).len(), 6);
}

#[test]
fn what_was_set_aside_by_an_older_monitor_is_listed_once_that_one_has_ended() {
    let folder = older_store(1);
    let running = std::fs::File::create(folder.path().join("outbox.lock")).unwrap();
    running.lock().unwrap();
    let error = Quarantine::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("restart it"), "{error}");
    drop(running);
    assert_eq!(Quarantine::open(folder.path()).unwrap().list().unwrap().len(), 1);
    assert_eq!(lost(folder.path()), [] as [&str; 0]);
}

#[test]
fn a_store_that_is_begun_anew_is_seen_by_the_check() {
    let folder = older_store(1);
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    // the planted bug: an older version is taken for damage
    file.pragma_update(None, "user_version", 0).unwrap();
    drop(file);
    assert_eq!(lost(folder.path()).len(), 6);
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
    let folder = older_store(1);
    let version = |version: i64| {
        let newer = Connection::open(folder.path().join("outbox.db")).unwrap();
        newer.pragma_update(None, "user_version", version).unwrap();
        newer.pragma_update(None, "application_id", 0x5654_0000 | version).unwrap();
        newer
    };
    // a newer monitor that was killed: part of its store is still in the log
    let killed = version(5);
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in contents(folder.path()) {
        std::fs::write(copy.path().join(name), bytes).unwrap();
    }
    drop(killed);
    let before = contents(copy.path());
    assert_eq!(before.len(), 2, "database and log");
    let error = Outbox::open(copy.path(), &clock()).unwrap_err();
    assert!(matches!(error, OutboxError::Newer { found: 5, known: 4, .. }), "{error}");
    assert_eq!(contents(copy.path()), before);

    drop(version(1));
    assert_eq!(lost(folder.path()), [] as [&str; 0]);
}

#[test]
fn the_servers_question_is_kept_until_it_is_dealt_with_and_a_changed_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path());
    assert!(!outbox.question().is_open());
    outbox.note_asked(7).unwrap();
    drop(outbox);
    let outbox = open(folder.path());
    assert_eq!(outbox.question(), Question { asked: 7, done: 0 });
    // a newer one that comes meanwhile stays open
    outbox.note_asked(8).unwrap();
    outbox.note_done(7).unwrap();
    assert!(outbox.question().is_open());
    outbox.note_done(8).unwrap();
    drop(outbox);
    assert_eq!(open(folder.path()).question(), Question { asked: 8, done: 8 });
    let file = Connection::open(folder.path().join("outbox.db")).unwrap();
    file.execute("UPDATE history SET done = 9", []).unwrap();
    drop(file);
    // the damaged store was set aside
    assert_eq!(open(folder.path()).question(), Question::default());
}
