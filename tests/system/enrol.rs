//! Machines that join a server with one pasted line and change their keys, with the real programs, on both stores.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use vibetea_monitor::running::Running;
use vibetea_protocol::Clock;
use vibetea_protocol::signing::sign_body;
use vibetea_testkit::{Cluster, Database};
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::{Place, SOURCE, TOKEN};
use vibetea_tests::program::{Ended, Program, loopback};
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_secs(20);

/// A server and a monitor's machine.
struct Machines {
    place: Place,
    database: Option<Database>,
    base_path: &'static str,
}

/// The same with a database in a file and with PostgreSQL, where that can be had.
fn on_both_stores(test: impl Fn(&Machines)) {
    test(&Machines::new(None));
    if let Some(cluster) = Cluster::shared() {
        test(&Machines::new(Some(cluster.database())));
    }
}

impl Machines {
    fn new(database: Option<Database>) -> Self {
        let place = Place::new();
        std::fs::create_dir(place.home().join("commands")).unwrap();
        Self { place, database, base_path: "" }
    }

    /// What the server is told; no monitor's key is among it.
    fn server_environment(&self) -> Vec<(&'static str, String)> {
        let port = self.place.port.to_string();
        let mut all = vec![("PORT", port.as_str()), ("RUST_LOG", "warn")];
        let url = self.database.as_ref().map(Database::url);
        all.extend(url.as_ref().map(|url| ("VIBETEA_DATABASE_URL", url.as_str())));
        if !self.base_path.is_empty() {
            all.push(("VIBETEA_BASE_PATH", self.base_path));
        }
        self.place.environment_and(&all)
    }

    fn start_server(&self) -> Program {
        let nothing: [&str; 0] = [];
        let mut server =
            Program::start("vibetea-server", nothing, self.server_environment(), &self.place.logs());
        let path = format!("{}/readyz", self.base_path);
        until_so(LONG, "the server is ready", || {
            if let Some(status) = server.ended() {
                panic!("the server ended with {status}: {}", server.stderr());
            }
            answers::get(loopback(self.place.port), &path, &[]).is_some_and(|answer| answer.status == 200)
        });
        server
    }

    /// A command beside the running server.
    fn on_the_server(&self, arguments: &[&str]) -> Ended {
        let logs = self.place.home().join("commands");
        Program::start("vibetea-server", arguments, self.server_environment(), &logs).wait(SHORT)
    }

    /// What the monitor's machine is told; server and name are in its file alone.
    fn monitor_environment(&self) -> Vec<(&'static str, String)> {
        self.place.environment_and(&[
            ("VIBETEA_SOURCE_ID", ""),
            ("VIBETEA_SESSION_SILENCE_SECS", "31536000"),
            ("VIBETEA_PROJECT_NAMES", "hash"),
            ("RUST_LOG", "info"),
        ])
    }

    fn on_the_machine(&self, arguments: &[&str], more: &[(&'static str, String)]) -> Ended {
        let logs = self.place.home().join("commands");
        let mut environment = self.monitor_environment();
        environment.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        environment.extend_from_slice(more);
        Program::start("vibetea-monitor", arguments, environment, &logs).wait(SHORT)
    }

    fn start_monitor(&self) -> Program {
        Program::start("vibetea-monitor", ["run"], self.monitor_environment(), &self.place.logs())
    }

    /// The one line that the server prints, as the words of a command line.
    fn line(&self) -> Vec<String> {
        let ended = self.on_the_server(&["enroll", SOURCE]);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
        ended.stdout.split_whitespace().map(str::to_owned).collect()
    }

    /// Pastes the line on the monitor's machine.
    fn join(&self) {
        let line = self.line();
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        let ended = self.on_the_machine(&words[1..], &[]);
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    /// How many events the server has.
    fn events(&self) -> u64 {
        let path = format!("{}/api/v1/totals", self.base_path);
        let answer = answers::get(loopback(self.place.port), &path, &bearer(TOKEN));
        answer.and_then(|answer| answer.json()["events"].as_u64()).unwrap_or_default()
    }

    /// Reads the whole history again with an empty state; what the server has then.
    fn read_again(&self) -> u64 {
        std::fs::remove_dir_all(self.place.state()).unwrap();
        let monitor = self.start_monitor();
        let state = self.place.state();
        until_so(LONG, "everything is read and sent again", || {
            let waiting = stored::open(&state.join("outbox.db")).and_then(|store| {
                store.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, u64>(0))
            });
            Running::read(&state).is_some_and(|running| running.history.done) && waiting == Ok(0)
        });
        monitor.terminate();
        assert!(monitor.wait(SHORT).status.success());
        self.events()
    }

    /// How many events wait in the monitor's store.
    fn waiting(&self) -> u64 {
        let store = stored::open(&self.place.state().join("outbox.db")).unwrap();
        store.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap()
    }

    /// Every stored id, past the server.
    fn ids(&self) -> Vec<String> {
        match &self.database {
            None => stored::ids(&self.place.database()).unwrap(),
            Some(database) => database.shell().column("SELECT id FROM public.events"),
        }
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.place.private_key())
    }
}

/// A transcript that grows, and how many events it must give.
struct Writer {
    session: Session,
    file: Appender,
    events: u64,
}

impl Writer {
    fn new(place: &Place) -> Self {
        let session = Session::new(7, "shop");
        let file = Appender::open(&session.path(&place.claude()));
        Self { session, file, events: 0 }
    }

    fn lines(&mut self, count: u32) {
        for _ in 0..count {
            let line = self.session.next_line(Clock::System.now());
            self.events += line.events.len() as u64;
            self.file.line(&line.text);
        }
    }
}

fn until_stored(machines: &Machines, monitor: &mut Program, events: u64) {
    until_so(LONG, "every event is stored", || {
        if let Some(status) = monitor.ended() {
            panic!("the monitor ended with {status}: {}", monitor.stderr());
        }
        machines.events() == events
    });
}

#[test]
fn one_pasted_line_lets_a_machine_send_and_nothing_is_started_again() {
    on_both_stores(|machines| {
        let _server = machines.start_server();
        let mut writer = Writer::new(&machines.place);
        writer.lines(5);
        let line = machines.line();
        assert_eq!(line[..2], ["vibetea-monitor", "enroll"]);
        assert_eq!(line[2], format!("http://{}", loopback(machines.place.port)));
        assert_eq!(line[3], "--code");
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        let ended = machines.on_the_machine(&words[1..], &[]);
        assert!(ended.status.success(), "{}", ended.stderr);

        let mut monitor = machines.start_monitor();
        until_stored(machines, &mut monitor, writer.events);
        writer.lines(5);
        until_stored(machines, &mut monitor, writer.events);

        // the answer got lost: the same key may come again with its code, and no other
        let ended = machines.on_the_machine(&words[1..], &[]);
        assert!(ended.status.success(), "{}", ended.stderr);
        let elsewhere = |name: &'static str, folder: &str| {
            (name, machines.place.home().join(folder).to_string_lossy().into_owned())
        };
        let other = [elsewhere("VIBETEA_KEY_PATH", "other-keys"), elsewhere("VIBETEA_CONFIG", "other.toml")];
        let ended = machines.on_the_machine(&words[1..], &other);
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.stderr.contains("was used already"), "{}", ended.stderr);
        assert!(!machines.place.home().join("other.toml").exists());
    });
}

#[test]
fn a_server_below_a_path_is_joined_there() {
    let machines = Machines { base_path: "/tools/tea", ..Machines::new(None) };
    let _server = machines.start_server();
    let mut writer = Writer::new(&machines.place);
    writer.lines(3);
    assert!(machines.line()[2].ends_with("/tools/tea"));
    machines.join();
    let mut monitor = machines.start_monitor();
    until_stored(&machines, &mut monitor, writer.events);
}

#[test]
fn a_key_is_changed_under_a_running_monitor_and_no_event_is_lost_or_stored_twice() {
    on_both_stores(|machines| {
        let _server = machines.start_server();
        machines.join();
        let mut writer = Writer::new(&machines.place);
        writer.lines(3);
        let mut monitor = machines.start_monitor();
        until_stored(machines, &mut monitor, writer.events);
        for round in 0..2 {
            let before = machines.key();
            let ended = machines.on_the_machine(&["rotate"], &[]);
            assert!(ended.status.success(), "round {round}: {}", ended.stderr);
            assert!(ended.stderr.contains("takes the old key until"), "{}", ended.stderr);
            assert_ne!(machines.key(), before);
            writer.lines(5);
            until_stored(machines, &mut monitor, writer.events);
            until_so(LONG, "the running monitor signs with the new key", || {
                monitor.stderr().matches("signs with another key").count() == round + 1
            });
            writer.lines(5);
            until_stored(machines, &mut monitor, writer.events);
        }
        monitor.terminate();
        assert!(monitor.wait(SHORT).status.success());

        assert_eq!(machines.read_again(), writer.events, "the same events have the same ids");
        let listed = machines.on_the_server(&["sources", "list"]);
        assert!(listed.stdout.contains(SOURCE) && listed.stdout.contains("(until "), "{listed:?}");
        // without what the change kept, the check sees every event a second time
        std::fs::remove_file(machines.place.keys().join("key.ids")).unwrap();
        assert_eq!(machines.read_again(), 2 * writer.events);
    });
}

#[test]
fn the_old_key_is_taken_for_a_while_unless_its_end_is_asked_for() {
    on_both_stores(|machines| {
        let _server = machines.start_server();
        machines.join();
        let mut writer = Writer::new(&machines.place);
        writer.lines(3);
        let mut monitor = machines.start_monitor();
        until_stored(machines, &mut monitor, writer.events);
        let first = machines.key();
        let answer_to = |key: &SigningKey| {
            let headers =
                [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(key, b"[]"))];
            answers::post(loopback(machines.place.port), "/ingest", &headers, b"[]").unwrap().json()["error"]
                .clone()
        };
        assert!(machines.on_the_machine(&["rotate"], &[]).status.success());
        assert_eq!(answer_to(&first), "empty_batch", "it is still taken");
        let second = machines.key();
        let ended = machines.on_the_machine(&["rotate", "--revoke-old"], &[]);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert!(ended.stderr.contains("has ended the old key"), "{}", ended.stderr);
        assert_eq!([answer_to(&first), answer_to(&second)], ["invalid_signature", "invalid_signature"]);
        assert_eq!(answer_to(&machines.key()), "empty_batch");
        writer.lines(5);
        until_stored(machines, &mut monitor, writer.events);
    });
}

#[test]
fn what_waits_while_the_server_is_gone_is_sent_once_with_the_key_that_came_meanwhile() {
    on_both_stores(|machines| {
        let mut server = machines.start_server();
        machines.join();
        let mut writer = Writer::new(&machines.place);
        writer.lines(3);
        let mut monitor = machines.start_monitor();
        until_stored(machines, &mut monitor, writer.events);
        server.kill();
        let before = writer.events;
        writer.lines(20);
        until_so(LONG, "what was written waits", || machines.waiting() == writer.events - before);
        monitor.kill();

        let _server = machines.start_server();
        let old = machines.key();
        let ended = machines.on_the_machine(&["rotate", "--revoke-old"], &[]);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert_ne!(machines.key(), old);
        assert_eq!((machines.events(), machines.waiting()), (before, writer.events - before));
        let mut monitor = machines.start_monitor();
        until_stored(machines, &mut monitor, writer.events);
        until_so(LONG, "nothing waits", || machines.waiting() == 0);
        let ids = machines.ids();
        let different: BTreeSet<&String> = ids.iter().collect();
        assert_eq!((ids.len() as u64, different.len() as u64), (writer.events, writer.events));
    });
}

#[test]
fn a_change_that_was_broken_off_after_the_server_was_told_does_not_lock_the_monitor_out() {
    let machines = Machines::new(None);
    let _server = machines.start_server();
    machines.join();
    let keys = machines.place.keys();
    let kept = |name: &str| std::fs::read(keys.join(name)).unwrap();
    let (old, old_public) = (kept("key.priv"), kept("key.pub"));
    assert!(machines.on_the_machine(&["rotate", "--revoke-old"], &[]).status.success());
    // as if the files had not been swapped, and the overlap were over
    std::fs::rename(keys.join("key.priv"), keys.join("key.next")).unwrap();
    write_secret(keys.join("key.priv"), &old);
    std::fs::write(keys.join("key.pub"), old_public).unwrap();

    let mut writer = Writer::new(&machines.place);
    writer.lines(3);
    let mut monitor = machines.start_monitor();
    until_stored(&machines, &mut monitor, writer.events);
    assert!(monitor.stderr().contains("a change of key is not finished"), "{}", monitor.stderr());
    let ended = machines.on_the_machine(&["rotate"], &[]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(!keys.join("key.next").exists());
    writer.lines(3);
    until_stored(&machines, &mut monitor, writer.events);
}

fn write_secret(path: PathBuf, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_key_that_stands_in_the_servers_configuration_is_not_changed_from_outside() {
    let place = Place::new();
    let public = place.make_keys();
    let _server = place.start_server(&public);
    let url = format!("http://{}", loopback(place.port));
    let before = place.private_key();
    let ended = place.start("vibetea-monitor", &["rotate"], &[("VIBETEA_SERVER_URL", &url)]).wait(SHORT);
    assert_eq!(ended.status.code(), Some(1));
    for said in ["VIBETEA_PUBLIC_KEYS", "vibetea-server enroll", "the key stays as it is"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert_eq!(place.private_key(), before);
}
