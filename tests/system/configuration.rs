//! `vibetea up` with something wrong: one clear message, the right exit code, and nothing damaged.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use vibetea_tests::place::Place;
use vibetea_tests::program::{Ended, loopback};
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

use vibetea_protocol::Clock;

const CONFIGURATION: i32 = 78;
const FAILED: i32 = 1;

/// Runs `vibetea up` until it ends by itself.
fn up(place: &Place, more: &[(&'static str, &str)]) -> Ended {
    let mut all = vec![("RUST_LOG", "error")];
    all.extend_from_slice(more);
    place.start("vibetea", &["up", "--port", &place.port.to_string()], &all).wait(Duration::from_secs(20))
}

/// It ended with this code, said nothing on standard output and one message on standard error.
fn refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.stderr);
    assert_eq!(ended.stdout, "", "nothing was started");
    let messages = ended.stderr.lines().filter(|line| line.starts_with("vibetea: ")).count();
    assert_eq!(messages, 1, "one message: {}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is missing in: {}", ended.stderr);
    }
}

/// A place in which one event is stored by a run that has ended.
fn used_place() -> Place {
    let place = Place::new();
    let program = place.start("vibetea", &["up", "--port", &place.port.to_string()], &[]);
    let mut session = Session::new(1, "shop");
    let line = session.next_line(Clock::System.now());
    Appender::open(&session.path(&place.claude())).line(&line.text);
    until_so(Duration::from_secs(20), "the line is stored", || stored::count(&place.database()) > 0);
    program.terminate();
    assert!(program.wait(Duration::from_secs(10)).status.success());
    place
}

fn set_schema(database: &Path, sql: &str) {
    Connection::open(database).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn every_wrong_variable_is_named_at_once() {
    let ended = up(&Place::new(), &[("VIBETEA_RATE_LIMIT_PER_SEC", "fast"), ("VIBETEA_HOST", "here")]);
    refused(&ended, CONFIGURATION, &["VIBETEA_RATE_LIMIT_PER_SEC", "\"fast\"", "VIBETEA_HOST", "\"here\""]);
    let ended = up(&Place::new(), &[("VIBETEA_HISTORY", "some"), ("VIBETEA_BUFFER_SIZE", "-1")]);
    refused(&ended, CONFIGURATION, &["VIBETEA_HISTORY", "\"some\"", "VIBETEA_BUFFER_SIZE", "\"-1\""]);
}

#[test]
fn a_key_that_others_can_read_is_refused_and_kept() {
    let place = Place::new();
    place.make_keys();
    let key = place.keys().join("key.priv");
    let before = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    refused(&up(&place, &[]), CONFIGURATION, &["key.priv", "chmod 600"]);
    assert_eq!(fs::read(&key).unwrap(), before);
    assert!(!place.database().exists(), "nothing was made");
}

#[test]
fn a_monitor_without_a_key_names_init() {
    let place = Place::new();
    let ended = place.start_monitor(&[]).wait(Duration::from_secs(20));
    assert_eq!(ended.status.code(), Some(CONFIGURATION), "{}", ended.stderr);
    assert!(ended.stderr.contains("vibetea-monitor init"), "{}", ended.stderr);
    assert!(!place.state().exists(), "nothing was made");
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let place = Place::new();
    let _other = TcpListener::bind(loopback(place.port)).unwrap();
    refused(&up(&place, &[]), FAILED, &[&place.port.to_string(), "in use", "PORT"]);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    // a folder without any right would not stop a test that runs as root
    fs::write(place.data(), "a file").unwrap();
    refused(&up(&place, &[]), FAILED, &[&place.data().display().to_string()]);
    assert_eq!(fs::read_to_string(place.data()).unwrap(), "a file");
}

#[test]
fn a_database_of_a_newer_release_is_left_alone() {
    let place = used_place();
    set_schema(
        &place.database(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    );
    let before = fs::read(place.database()).unwrap();
    refused(&up(&place, &[]), FAILED, &["9999", "newer"]);
    assert_eq!(fs::read(place.database()).unwrap(), before);
}

#[test]
fn a_monitor_state_of_a_newer_release_is_left_alone() {
    let place = used_place();
    let outbox = place.state().join("outbox.db");
    let newer: i64 = Connection::open(&outbox)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        .unwrap()
        + 1;
    let application: i64 = Connection::open(&outbox)
        .unwrap()
        .query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0))
        .unwrap()
        + 1;
    set_schema(&outbox, &format!("PRAGMA user_version = {newer}; PRAGMA application_id = {application}"));
    let before = fs::read(&outbox).unwrap();
    let ended = up(&place, &[]);
    assert_eq!(ended.status.code(), Some(FAILED), "{}", ended.stderr);
    assert!(ended.stderr.contains("newer version"), "{}", ended.stderr);
    assert_eq!(fs::read(&outbox).unwrap(), before);
}

/// Starts a place with one of its monitor's smaller files damaged, says one thing more, and stops; how many events are
/// stored then.
fn stored_in_spite_of(name: &str, damage: &[u8]) -> u64 {
    let place = used_place();
    let file = place.state().join(name);
    assert!(file.is_file(), "{name} is not there");
    fs::write(&file, damage).unwrap();
    let before = stored::count(&place.database());
    let program = place.start("vibetea", &["up", "--port", &place.port.to_string()], &[("RUST_LOG", "warn")]);
    let line = Session::new(2, "shop").next_line(Clock::System.now());
    Appender::open(&Session::new(2, "shop").path(&place.claude())).line(&line.text);
    let all = before + line.events.len() as u64;
    until_so(Duration::from_secs(30), &format!("it starts with {name} damaged and goes on"), || {
        stored::count(&place.database()) >= all
    });
    program.terminate();
    let ended = program.wait(Duration::from_secs(30));
    assert!(ended.status.success(), "{name}: {}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{name}: {}", ended.stderr);
    stored::count(&place.database()) - all
}

#[test]
fn a_damaged_file_beside_the_monitors_store_costs_neither_the_start_nor_an_event() {
    for name in ["history-from", "running.json", "sent.db"] {
        for damage in [&b""[..], b"\xff\xfe{", &[0x5a; 9000]] {
            assert_eq!(stored_in_spite_of(name, damage), 0, "{name}");
        }
    }
}

#[test]
fn a_corrupt_monitor_state_is_set_aside_and_adds_nothing() {
    let place = used_place();
    let stored_before = stored::events(&place.database()).unwrap();
    let outbox = place.state().join("outbox.db");
    fs::write(&outbox, vec![0x5a; 40_000]).unwrap();
    let program = place.start("vibetea", &["up", "--port", &place.port.to_string()], &[("RUST_LOG", "warn")]);
    until_so(Duration::from_secs(20), "the state is built anew", || {
        stored::open(&outbox)
            .and_then(|state| state.query_row("SELECT count(*) FROM file", [], |row| row.get::<_, i64>(0)))
            .is_ok_and(|files| files > 0)
    });
    until_so(Duration::from_secs(20), "nothing waits to be sent", || {
        stored::open(&outbox)
            .and_then(|state| state.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)))
            .is_ok_and(|rows| rows == 0)
    });
    program.terminate();
    let ended = program.wait(Duration::from_secs(10));
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("set aside").count(), 1, "said once: {}", ended.stderr);
    assert_eq!(stored::events(&place.database()).unwrap(), stored_before);
    let kept = fs::read_dir(place.state()).unwrap().filter(|entry| {
        fs::read(entry.as_ref().unwrap().path()).is_ok_and(|bytes| bytes == vec![0x5a; 40_000])
    });
    assert_eq!(kept.count(), 1, "the damaged file is kept");
}
