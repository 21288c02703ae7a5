//! The disk with the monitor's state is full or fails: the monitor waits or ends, and nothing is lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use vibetea_monitor::identity::Identity;
use vibetea_protocol::Clock;
use vibetea_testkit::lack::can_trace;
use vibetea_tests::place::{Place, source};
use vibetea_tests::program::Program;
use vibetea_tests::skip::skip;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;
use vibetea_tests::{exactly_once, oracle, stored};

use crate::crash::is_soak;

const LONG: Duration = Duration::from_mins(1);
/// Looks at something that must not change.
const LOOKS: u32 = 100;

/// Writes sessions with so many lines each; the ids that must come of them.
fn write_sessions(place: &Place, sessions: u32, lines: u32) -> BTreeSet<String> {
    let identity = Identity::new(&place.private_key(), &source());
    let mut expected = BTreeSet::new();
    for number in 0..sessions {
        let mut session = Session::new(number, "shop");
        let mut file = Appender::open(&session.path(&place.claude()));
        for _ in 0..lines {
            let line = session.next_line(Clock::System.now());
            expected.extend(line.events.iter().map(|(natural, at)| oracle::id(&identity, natural, *at)));
            file.line(&line.text);
        }
    }
    expected
}

fn compare(place: &Place, expected: &BTreeSet<String>) {
    let ids = stored::ids(&place.database()).unwrap();
    exactly_once::compare(expected, &ids).unwrap_or_else(|difference| panic!("{difference}"));
}

/// A monitor whose state folder is a mebibyte of memory, most of it taken, and that folder as seen from here; or a
/// word that this cannot be had.
fn start_on_small_disk(place: &Place) -> Option<(Program, PathBuf)> {
    const SCRIPT: &str = r#"mount -t tmpfs -o size=1m state "$VIBETEA_STATE_DIR" || exit 77
                            head -c 750000 /dev/zero > "$VIBETEA_STATE_DIR/ballast"
                            exec "$@""#;
    // a mount of its own needs no root where the system lets people have user namespaces
    let own_mounts = ["unshare", "-r", "-m"];
    let works = Command::new(own_mounts[0]).args(&own_mounts[1..]).arg("true").output();
    if !works.is_ok_and(|output| output.status.success()) {
        skip("nobody may have mounts of his own here");
        return None;
    }
    std::fs::create_dir(place.state()).unwrap();
    let mut wrapper = own_mounts.to_vec();
    wrapper.extend(["sh", "-c", SCRIPT, "sh"]);
    let mut monitor = place.start_monitor_under(&wrapper, &[]);
    let state = PathBuf::from(format!("/proc/{}/root{}", monitor.id(), place.state().display()));
    until_so(LONG, "the monitor has its store", || {
        if let Some(status) = monitor.ended() {
            panic!("the monitor ended with {status}: {}", monitor.stderr());
        }
        state.join("outbox.db").exists()
    });
    Some((monitor, state))
}

/// How many bytes of transcripts the store says were read.
fn read_bytes(state: &Path) -> u64 {
    // SQLite would follow the link into the other mounts by its text
    let copy = tempfile::tempdir().unwrap();
    for name in ["outbox.db", "outbox.db-wal"] {
        std::fs::write(copy.path().join(name), std::fs::read(state.join(name)).unwrap()).unwrap();
    }
    let store = stored::open(&copy.path().join("outbox.db")).unwrap();
    store.query_row("SELECT coalesce(sum(offset), 0) FROM file", [], |row| row.get(0)).unwrap_or(0)
}

#[test]
fn a_full_disk_pauses_reading_and_with_room_everything_is_stored_once() {
    let place = Place::new();
    let public_key = place.make_keys();
    let expected = write_sessions(&place, 4, 150);
    let Some((mut monitor, state)) = start_on_small_disk(&place) else { return };
    until_so(LONG, "the disk is full", || monitor.stderr().contains("DiskFull"));
    let read = read_bytes(&state);
    for _ in 0..LOOKS {
        assert_eq!(read_bytes(&state), read, "an offset moves although nothing can be kept");
        assert_eq!(monitor.ended(), None, "{}", monitor.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(monitor.stderr().matches("reading pauses").count(), 1, "said once: {}", monitor.stderr());

    let _server = place.start_server(&public_key);
    std::fs::remove_file(state.join("ballast")).unwrap();
    until_so(LONG, "everything is stored", || stored::count(&place.database()) >= expected.len() as u64);
    assert_eq!(monitor.ended(), None, "{}", monitor.stderr());
    monitor.terminate();
    let ended = monitor.wait(Duration::from_secs(20));
    assert!(ended.status.success(), "{}", ended.stderr);
    compare(&place, &expected);
}

/// Runs a monitor that reads and ships a little while one of its calls fails; whether there was such a call.
fn run_with_a_fault(calls: &str, error: &str, nth: u32) -> bool {
    let place = Place::new();
    let public_key = place.make_keys();
    // so that the path of the log is known from the start
    std::fs::create_dir(place.state()).unwrap();
    let expected = write_sessions(&place, 2, 20);
    let _server = place.start_server(&public_key);
    let (log, trace) = (place.state().join("outbox.db-wal"), place.home().join("trace"));
    let inject = format!("inject={calls}:error={error}:when={nth}");
    let (log, trace_path) = (log.display().to_string(), trace.display().to_string());
    let trace_calls = format!("trace={calls}");
    // the tracer is a grandchild, so that the process here is the monitor itself
    let wrapper =
        ["strace", "-D", "-f", "-qq", "-o", &trace_path, "-P", &log, "-e", &trace_calls, "-e", &inject];
    let mut monitor = place.start_monitor_under(&wrapper, &[]);
    let all = || stored::count(&place.database()) >= expected.len() as u64;
    until_so(LONG, "everything is stored or the monitor gave up", || all() || monitor.ended().is_some());
    match monitor.ended() {
        Some(status) => assert!(!status.success(), "it ended as if all was well: {}", monitor.stderr()),
        None => monitor.kill(),
    }
    let hit = std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)");
    let again = place.start_monitor(&[("RUST_LOG", "info")]);
    until_so(LONG, "the next run begins and stores what is left", || {
        again.stderr().contains("monitor started") && all()
    });
    again.terminate();
    assert!(again.wait(Duration::from_secs(20)).status.success());
    compare(&place, &expected);
    hit
}

#[test]
fn a_call_that_fails_once_costs_no_event() {
    if !can_trace() {
        return;
    }
    let most = if is_soak() { u32::MAX } else { 3 };
    for (calls, error) in [("fsync,fdatasync", "EIO"), ("pwrite64", "ENOSPC")] {
        let hits = (1..=most).take_while(|nth| run_with_a_fault(calls, error, *nth)).count();
        eprintln!("{hits} of {calls} failed with {error}");
        assert!(hits >= 2, "{hits} of {calls}");
    }
}
