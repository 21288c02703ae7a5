//! The server as a service: what it tells its manager, and what it answers to a health check.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use vibetea_testkit::certificates::{Authority, Files};
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::program::path_of;
use vibetea_tests::wait::{until, until_so};

const DEADLINE: Duration = Duration::from_secs(30);

/// Where a service manager listens.
struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn listen(place: &Place) -> Self {
        let path = place.home().join("notify").display().to_string();
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, path }
    }

    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("the manager is told something");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Reads what has come.
    fn drain(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }
}

#[test]
fn the_manager_hears_that_the_server_is_ready_that_it_moves_and_that_it_stops() {
    let place = Place::new();
    let manager = Manager::listen(&place);
    let key = place.make_keys();
    let more = [("NOTIFY_SOCKET", manager.path.as_str()), ("WATCHDOG_USEC", "400000")];
    let server = place.start_server_with(&key, &more);
    let first = manager.next();
    assert!(first.contains("READY=1\n") || first.ends_with("READY=1"), "{first}");
    assert!(first.contains(&format!("STATUS=Serving on 127.0.0.1:{}", place.port)), "{first}");
    manager.drain();
    let begun = Instant::now();
    for _ in 0..8 {
        assert_eq!(manager.next().trim(), "WATCHDOG=1");
    }
    assert!(begun.elapsed() >= Duration::from_millis(600), "each look takes its time: {:?}", begun.elapsed());
    server.terminate();
    let stopping = (0..100).map(|_| manager.next()).find(|told| told.contains("STOPPING=1"));
    assert!(stopping.is_some(), "the stop is told");
    assert!(server.wait(DEADLINE).status.success());
}

#[test]
fn a_server_that_is_stopped_in_its_tracks_tells_nothing() {
    let place = Place::new();
    let manager = Manager::listen(&place);
    let key = place.make_keys();
    let more = [("NOTIFY_SOCKET", manager.path.as_str()), ("WATCHDOG_USEC", "400000")];
    let server = place.start_server_with(&key, &more);
    assert!(manager.next().contains("READY=1"));
    assert_eq!(manager.next().trim(), "WATCHDOG=1");
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &server.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    let stat = format!("/proc/{}/stat", server.id());
    until_so(DEADLINE, "it stands still", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    // what was told before the stop
    manager.drain();
    manager.socket.set_read_timeout(Some(Duration::from_millis(800))).unwrap();
    manager.socket.recv(&mut [0; 64]).expect_err("it tells nothing while it stands still");
    signal("-CONT");
    manager.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(manager.next().trim(), "WATCHDOG=1");
}

fn healthcheck(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(path_of("vibetea-server"))
        .arg("healthcheck")
        .args(arguments)
        .env_clear()
        .env("HOME", place.home())
        .env("VIBETEA_UNSAFE_NO_AUTH", "true")
        .env("PORT", place.port.to_string())
        .output()
        .unwrap();
    let said =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (ended.status.code(), said)
}

#[test]
fn a_health_check_tells_by_its_exit_code_how_the_server_is() {
    let place = Place::new();
    let (code, said) = healthcheck(&place, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no answer from 127.0.0.1"), "{said}");
    let key = place.make_keys();
    let _server = place.start_server(&key);
    assert_eq!(healthcheck(&place, &[]), (Some(0), String::new()));
    let url = format!("http://127.0.0.1:{}", place.port);
    assert_eq!(healthcheck(&place, &["--url", &url]), (Some(0), String::new()));
    let (code, said) = healthcheck(&place, &["--url", &format!("{url}/elsewhere")]);
    assert_eq!((code, said.contains("answers 404")), (Some(1), true), "{said}");
    assert_eq!(healthcheck(&place, &["--url", "ftp://127.0.0.1"]).0, Some(2));

    // a database that cannot be written is told with the reason
    let held = rusqlite::Connection::open(place.database()).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let said = until(DEADLINE, "the server is not healthy", || {
        let (code, said) = healthcheck(&place, &["--timeout", "20"]);
        (code == Some(1)).then_some(said)
    });
    assert!(said.contains("not ready") && !said.contains(TOKEN), "{said}");
}

#[test]
fn a_server_with_a_certificate_is_asked_through_tls_and_has_to_show_it() {
    let place = Place::new();
    let authority = Authority::new();
    let folder = |name: &str| {
        let folder = place.home().join(name);
        std::fs::create_dir(&folder).unwrap();
        authority.issue(&["tea.example.org"], &folder)
    };
    let (own, other) = (folder("own"), folder("other"));
    let paths = |files: &Files| [&files.certificate, &files.key].map(|path| path.display().to_string());
    let [certificate, key] = paths(&own);
    let public_key = place.make_keys();
    let keys = format!("test-machine:{public_key}");
    let port = place.port.to_string();
    let more = [
        ("PORT", port.as_str()),
        ("VIBETEA_PUBLIC_KEYS", &keys),
        ("VIBETEA_TLS_CERT", &certificate),
        ("VIBETEA_TLS_KEY", &key),
    ];
    let _server = place.start("vibetea-server", &[], &more);
    let command = |arguments: &[&str], files: &Files| {
        let [certificate, key] = paths(files);
        Command::new(path_of("vibetea-server"))
            .args(arguments)
            .env_clear()
            .envs(place.environment_and(&more))
            .env("VIBETEA_TLS_CERT", certificate)
            .env("VIBETEA_TLS_KEY", key)
            .output()
            .unwrap()
    };
    let ask = |files: &Files| {
        let ended = command(&["healthcheck"], files);
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let examine = |files: &Files| -> Value {
        let told: Value = serde_json::from_slice(&command(&["doctor", "--json"], files).stdout).unwrap();
        told["checks"].as_array().unwrap().iter().find(|line| line["check"] == "server").unwrap().clone()
    };
    until(DEADLINE, "the server is healthy", || (ask(&own).0 == Some(0)).then_some(()));
    let (code, said) = ask(&other);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another certificate"), "{said}");
    assert_eq!(examine(&own)["status"], "pass");
    assert_eq!(examine(&other)["status"], "could not check");
}
