//! The real monitor where the system gives it no file events, or not enough.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use vibetea_protocol::Clock;
use vibetea_tests::place::Place;
use vibetea_tests::program::{Program, path_of};
use vibetea_tests::skip::skip;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::{stored, wait};

const DEADLINE: Duration = Duration::from_mins(1);

/// A program that starts another with at most this many folders to watch, in a user namespace of its own; `None`
/// where such a namespace cannot be had.
fn with_few_watches(place: &Place, watches: u32, program: &str) -> Option<PathBuf> {
    let set = format!("echo {watches} > /proc/sys/user/max_inotify_watches");
    let possible = Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", &set]).output();
    if !possible.is_ok_and(|tried| tried.status.success()) {
        return None;
    }
    let script = place.home().join("with-few-watches");
    let text = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user sh -c '{set}; exec \"{}\" run'\n",
        path_of(program).display()
    );
    std::fs::write(&script, text).unwrap();
    Some(script)
}

#[test]
fn a_monitor_at_the_limit_of_watches_polls_says_so_once_and_loses_nothing() {
    let place = Place::new();
    let public_key = place.make_keys();
    let _server = place.start_server(&public_key);
    let mut sessions: Vec<(Session, Appender)> = (0..12)
        .map(|number| {
            let session = Session::new(number, &format!("shop{number}"));
            let file = Appender::open(&session.path(&place.claude()));
            (session, file)
        })
        .collect();
    let Some(script) = with_few_watches(&place, 4, "vibetea-monitor") else {
        skip("a user namespace with a limit of its own cannot be had here");
        return;
    };
    let environment = place.monitor_environment(&[("RUST_LOG", "warn")]);
    let mut monitor = Command::new("sh")
        .arg(script)
        .env_clear()
        .envs(environment)
        .env("PATH", "/usr/bin:/bin")
        .stderr(std::fs::File::create(place.logs().join("few-watches.err")).unwrap())
        .spawn()
        .unwrap();
    let mut expected = 0;
    for round in 0..3 {
        for (session, file) in &mut sessions {
            let line = session.next_line(Clock::System.now());
            expected += line.events.len() as u64;
            file.line(&line.text);
        }
        wait::until_so(DEADLINE, &format!("the lines of round {round} are stored"), || {
            stored::count(&place.database()) >= expected
        });
    }
    // written by the monitor every few seconds
    wait::until_so(DEADLINE, "the status tells of it", || following(&place) == "polling");
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    let said = std::fs::read_to_string(place.logs().join("few-watches.err")).unwrap();
    let warnings = said.lines().filter(|line| line.contains("limit of watched folders")).count();
    assert_eq!(warnings, 1, "{said}");
    assert_eq!(stored::count(&place.database()), expected);
}

/// How the running monitor says it notices changes.
fn following(place: &Place) -> String {
    let status = place.start("vibetea-monitor", &["status", "--json"], &[]).wait(DEADLINE);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap_or_default();
    status["monitor"]["health"]["following"].as_str().unwrap_or_default().to_owned()
}

/// What no event tells of is found by one look, ten seconds after the last one at most, and sent soon after.
const FOUND_WITHIN: Duration = Duration::from_secs(15);

/// Makes folders with a file in each that is never touched again; whether every line is stored in time.
fn new_folders(harm: impl FnOnce(&Program)) -> bool {
    let place = Place::new();
    let public_key = place.make_keys();
    let _server = place.start_server(&public_key);
    let monitor = place.start_monitor(&[]);
    wait::until_so(DEADLINE, "the monitor follows", || following(&place) == "events");
    harm(&monitor);
    let mut expected = 0;
    for number in 0..300 {
        let mut session = Session::new(number, &format!("new{number}"));
        let line = session.next_line(Clock::System.now());
        expected += line.events.len() as u64;
        Appender::open(&session.path(&place.claude())).line(&line.text);
    }
    let written = Instant::now();
    while stored::count(&place.database()) < expected {
        if written.elapsed() > FOUND_WITHIN {
            eprintln!("{} of {expected}: {}", stored::count(&place.database()), monitor.stderr());
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(stored::count(&place.database()), expected);
    true
}

/// The system's watch is too late for such folders.
#[test]
fn files_in_new_folders_arrive_though_no_event_tells_of_them() {
    assert!(new_folders(|_| {}));
    // planted bug: a monitor that does not look
    let stands_still = |monitor: &Program| {
        let id = monitor.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    };
    assert!(!new_folders(stands_still));
}
