//! One command, real transcripts, every event once; then what is typed now, at once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use vibetea_monitor::identity::Identity;
use vibetea_monitor::running::Running;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::answers;
use vibetea_tests::exactly_once;
use vibetea_tests::oracle::{self, Expected, Natural};
use vibetea_tests::place::{Place, TOKEN, copy_folder, real_transcripts, source};
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::socket::Viewer;
use vibetea_tests::stored::{self, Stored};
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::{until, until_so};

const STORED_WITHIN: Duration = Duration::from_secs(30);

/// The real transcripts, or a word that they are not here.
fn real_or_say() -> Option<PathBuf> {
    let found = real_transcripts();
    if found.is_none() {
        eprintln!("skipped: no real transcripts in ../shared/transcripts");
    }
    found
}

/// `vibetea up` in this place, once it has said where its page is.
fn up(place: &Place) -> Program {
    let mut program =
        place.start("vibetea", &["up", "--port", &place.port.to_string()], &[("RUST_LOG", "warn")]);
    let line = until(Duration::from_secs(30), "the line with the address", || {
        if let Some(status) = program.ended() {
            panic!("`vibetea up` ended with {status}: {}", program.stderr());
        }
        program.stdout().lines().next().map(str::to_owned)
    });
    assert_eq!(line, format!("Dashboard: http://127.0.0.1:{}/#token={TOKEN}", place.port));
    program
}

fn stop(program: Program) {
    program.terminate();
    let ended = program.wait(Duration::from_secs(10));
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1, "one line on standard output: {}", ended.stdout);
}

/// Waits until the real transcripts' events are stored and checks them against the oracle.
fn check_real(place: &Place, expected: &Expected) -> Vec<Stored> {
    let identity = Identity::new(&place.private_key(), &source());
    let ids = expected.ids(&identity);
    let start = Instant::now();
    until_read(place);
    assert!(start.elapsed() < STORED_WITHIN, "took {:?}", start.elapsed());
    let events = stored::events(&place.database()).unwrap();
    let count = |kind: &str, field: &str, value: &str| {
        events.iter().filter(|event| event.event_type == kind && event.text(field) == value).count()
    };
    assert_eq!(count("tool", "status", "started"), 235);
    assert_eq!(count("tool", "status", "completed"), 233);
    assert_eq!(count("session", "action", "started"), 11);
    assert_eq!(events.iter().filter(|event| event.event_type == "error").count(), 9);
    assert_eq!(events.iter().filter(|event| event.event_type == "activity").count(), 45);
    let found: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    exactly_once::compare(&ids, &found).unwrap_or_else(|difference| {
        let id = |event: &(&Natural, &Timestamp)| oracle::id(&identity, event.0, *event.1);
        let lost = expected.events.iter().filter(|event| difference.lost.contains(&id(event)));
        panic!("{difference}lost are {:?}", lost.take(5).collect::<Vec<_>>())
    });
    events
}

#[test]
fn the_oracle_counts_real_transcripts_as_people_did() {
    let Some(real) = real_or_say() else { return };
    let expected = Expected::read(&real.join("projects"));
    assert_eq!(expected.count(|natural| matches!(natural, Natural::ToolStarted(_))), 235);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::ToolCompleted(_))), 233);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::SessionStarted(_))), 11);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::Error(_))), 9);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::Activity(_))), 45);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::SessionEnded(..))), 1);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::AgentStarted(_))), 6);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::AgentCompleted(_))), 6);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::AgentFailed(_))), 0);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::Summary(..))), 2);
}

#[test]
fn real_transcripts_are_stored_once_whatever_starts_again() {
    let Some(real) = real_or_say() else { return };
    let place = Place::new();
    copy_folder(&real, &place.claude());
    let expected = Expected::read(&place.claude().join("projects"));

    let program = up(&place);
    let first = check_real(&place, &expected);
    let query = |headers: &[String]| answers::get(loopback(place.port), "/query?days=30", headers).unwrap();
    assert_eq!(query(&[]).status, 401);
    let answer = query(&answers::bearer(TOKEN));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["meta"]["daysRequested"], 30);
    stop(program);

    let program = up(&place);
    until_quiet(&place);
    assert_eq!(stored::events(&place.database()).unwrap(), first, "a restart adds nothing");
    stop(program);

    std::fs::remove_dir_all(place.state()).unwrap();
    let program = up(&place);
    until_read(&place);
    assert_eq!(stored::events(&place.database()).unwrap(), first, "reading everything again adds nothing");
    stop(program);
}

/// The monitor's own word that nothing waits to be sent.
fn until_quiet(place: &Place) {
    until_so(Duration::from_secs(30), "the outbox is empty", || {
        outbox_rows(place, "outbox").is_some_and(|rows| rows == 0)
    });
}

/// As [`until_quiet`], after every file was read to its end.
fn until_read(place: &Place) {
    until_so(Duration::from_secs(30), "every transcript is read again", || {
        Running::read(&place.state()).is_some_and(|running| running.history.done)
    });
    until_quiet(place);
}

fn outbox_rows(place: &Place, table: &str) -> Option<u64> {
    let state = stored::open(&place.state().join("outbox.db")).ok()?;
    state.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).ok()
}

/// Time for a busy machine that reads months of transcripts besides.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_fresh_line_shows_up_at_once_and_in_the_counts() {
    let place = Place::new();
    if let Some(real) = real_or_say() {
        copy_folder(&real, &place.claude());
    }
    let program = up(&place);
    let mut viewer = Viewer::open(loopback(place.port), TOKEN, "").await;
    let mut session = Session::new(7, "shop");
    let mut file = Appender::open(&session.path(&place.claude()));
    let now = Clock::System.now();
    let line = session.next_line(now);
    file.line(&line.text);
    let frames = [viewer.next(SOON).await, viewer.next(SOON).await];
    let identity = Identity::new(&place.private_key(), &source());
    for (natural, at) in &line.events {
        let id = oracle::id(&identity, natural, *at);
        assert!(
            frames.iter().any(|frame| frame["id"] == id.as_str()),
            "{natural:?} is missing in {frames:?}"
        );
        assert!(stored::ids(&place.database()).unwrap().contains(&id), "a frame is sent after the commit");
    }
    assert_eq!(frames[0]["payload"]["project"], "shop");
    let answer = answers::get(loopback(place.port), "/query?days=30", &answers::bearer(TOKEN)).unwrap();
    let counted: u64 = answer.json()["aggregates"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["eventCount"].as_u64())
        .sum();
    assert_eq!(counted, 2, "{}", answer.body);
    stop(program);
}

#[test]
fn without_a_monitor_only_the_server_runs() {
    let place = Place::new();
    let port = place.port.to_string();
    let mut program =
        place.start("vibetea", &["up", "--no-monitor", "--port", &port], &[("RUST_LOG", "warn")]);
    place.wait_ready(&mut program, Duration::from_secs(30));
    assert!(!place.state().exists());
    stop(program);
}
