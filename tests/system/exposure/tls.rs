//! A monitor and a server that speak TLS to each other.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use vibetea_protocol::Clock;
use vibetea_testkit::Authority;
use vibetea_testkit::certificates::Files;
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::Program;
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::{until, until_so};

const DEADLINE: Duration = Duration::from_secs(30);
const NAMES: [&str; 1] = ["localhost"];

struct Encrypted {
    place: Place,
    authority: Authority,
    files: Files,
    folder: TempDir,
    server: Program,
}

impl Encrypted {
    fn start() -> Self {
        let (place, authority, folder) = (Place::new(), Authority::new(), tempfile::tempdir().unwrap());
        let files = authority.issue(&NAMES, folder.path());
        let (keys, port) = (format!("{SOURCE}:{}", place.make_keys()), place.port.to_string());
        let settings = [
            ("PORT", port.as_str()),
            ("VIBETEA_PUBLIC_KEYS", keys.as_str()),
            ("VIBETEA_TLS_CERT", files.certificate.to_str().unwrap()),
            ("VIBETEA_TLS_KEY", files.key.to_str().unwrap()),
        ];
        let mut server = place.start("vibetea-server", &[], &settings);
        until(DEADLINE, "it listens", || {
            if let Some(status) = server.ended() {
                panic!("it ended with {status}: {}", server.stderr());
            }
            server.stderr().contains("\"listening\"").then_some(())
        });
        Self { place, authority, files, folder, server }
    }

    /// What the doctor of a monitor says that trusts this file too.
    fn doctor(&self, trusted: Option<&str>) -> String {
        let url = format!("https://localhost:{}", self.place.port);
        let mut settings = vec![("VIBETEA_SERVER_URL", url.as_str())];
        settings.extend(trusted.map(|path| ("VIBETEA_CA_CERT", path)));
        let ended = self.place.start("vibetea-monitor", &["doctor", "--json"], &settings).wait(DEADLINE * 2);
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let checks = told["checks"].as_array().unwrap();
        checks.iter().find(|line| line["check"] == "registration").unwrap().to_string()
    }
}

#[test]
fn a_monitor_sends_encrypted_to_a_server_whose_authority_it_is_told_to_trust() {
    let rig = Encrypted::start();
    let trusted = rig.authority.write(rig.folder.path());
    let url = format!("https://localhost:{}", rig.place.port);
    let settings = [("VIBETEA_SERVER_URL", url.as_str()), ("VIBETEA_CA_CERT", trusted.to_str().unwrap())];
    let monitor = rig.place.start_monitor(&settings);
    let mut session = Session::new(1, "shop");
    let line = session.next_line(Clock::System.now());
    Appender::open(&session.path(&rig.place.claude())).line(&line.text);
    until_so(DEADLINE, "the line is stored", || stored::count(&rig.place.database()) > 0);
    monitor.terminate();
    assert!(monitor.wait(DEADLINE).status.success());
    assert!(rig.doctor(trusted.to_str()).contains("\"pass\""));
    // the twins: without that word, and with another authority's, the monitor does not speak to it
    assert!(!rig.doctor(None).contains("\"pass\""));
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(!rig.doctor(Authority::new().write(elsewhere.path()).to_str()).contains("\"pass\""));
}

#[test]
fn a_file_that_holds_no_certificate_is_a_wrong_setting() {
    let place = Place::new();
    place.make_keys();
    let empty = place.home().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (path, word) in
        [(empty.to_str().unwrap(), "certificates in PEM form"), ("/nowhere/ca.pem", "cannot be read")]
    {
        let ended = place.start_monitor(&[("VIBETEA_CA_CERT", path)]).wait(DEADLINE);
        assert_eq!(ended.status.code(), Some(78), "{}", ended.stderr);
        assert!(ended.stderr.contains("VIBETEA_CA_CERT") && ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_new_pair_is_said_once_and_a_signal_has_it_looked_at_at_once() {
    let rig = Encrypted::start();
    let complaints = || rig.server.stderr().matches("cannot be used, the one before it stays").count();
    std::fs::write(&rig.files.certificate, "no certificate").unwrap();
    until_so(DEADLINE, "it is said", || complaints() == 1);
    // several looks later it is not said again
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(complaints(), 1);
    rig.authority.issue(&NAMES, rig.folder.path());
    let id = rig.server.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    until_so(DEADLINE, "the new pair is taken", || rig.server.stderr().contains("was read anew"));
}
