use std::process::Command;

use serde_json::Value;
use vibetea_protocol::enrol::RotateRequest;
use vibetea_protocol::signing::PublicKey;
use vibetea_testkit::lack::can_trace;

use super::{Ended, Home, Server, fs, mode};

const KEEPS_NAMES: &str = ".vibetea/key.ids";

fn answering(status: &str, body: &str) -> Server {
    Server::saying(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

fn taking() -> Server {
    answering("200 OK", r#"{"source":"test-source","othersExpire":"2026-12-01T00:00:00.000Z"}"#)
}

fn nobody() -> String {
    "http://127.0.0.1:9".to_owned()
}

impl Home {
    fn rotate(&self, url: &str, more: &[&str]) -> Ended {
        let line: Vec<&str> = ["rotate"].iter().chain(more).copied().collect();
        self.run(&line, &[("VIBETEA_SERVER_URL", url)])
    }

    fn public(&self) -> String {
        fs::read_to_string(self.path(".vibetea/key.pub")).unwrap().trim().to_owned()
    }

    fn private(&self) -> Vec<u8> {
        fs::read(self.path(".vibetea/key.priv")).unwrap()
    }

    /// Every event of the transcripts, by the ids and the hashed names that this key gives.
    fn named(&self) -> String {
        let ended = self.run(&["--project-names", "hash", "preview"], &[]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("\"project\":\"p-"), "{}", ended.stdout);
        ended.stdout
    }
}

fn requests(server: &Server) -> Vec<RotateRequest> {
    let bodies = server.bodies();
    // an empty batch is how the doctor asks
    let asked = bodies.iter().filter(|body| *body != "[]");
    asked.map(|body| serde_json::from_str(body).unwrap()).collect()
}

#[test]
fn the_old_key_vouches_for_a_new_one_and_everything_keeps_its_name() {
    let (home, server) = (Home::with_key(), taking());
    home.write_session(1, 0..3);
    let (named, old) = (home.named(), home.public());
    let ended = home.rotate(&server.url, &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("takes the old key until 2026-12-01"), "{}", ended.stderr);

    let source = "test-source".parse().unwrap();
    let key = |text: &str| PublicKey::from_base64(text).unwrap();
    let requests = requests(&server);
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_ne!(home.public(), old);
    assert_eq!(request.new_public_key, home.public());
    assert!(request.is_proven(&source, &key(&old), &key(&home.public())) && !request.end_others);
    for file in [".vibetea/key.priv", KEEPS_NAMES] {
        assert_eq!(mode(&home.path(file)), 0o600, "{file}");
    }
    assert_eq!(fs::read_dir(home.path(".vibetea")).unwrap().count(), 3, "nothing is left of the change");
    assert_eq!(home.named(), named);

    // without what the change kept, everything would be stored a second time
    fs::remove_file(home.path(KEEPS_NAMES)).unwrap();
    assert_ne!(home.named(), named);
}

#[test]
fn the_end_of_the_old_key_is_asked_for_with_the_new_one() {
    let (home, server) = (Home::with_key(), taking());
    let ended = home.rotate(&server.url, &["--revoke-old"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("has ended the old key"), "{}", ended.stderr);
    let (requests, key) = (requests(&server), PublicKey::from_base64(&home.public()).unwrap());
    assert_eq!(requests.iter().map(|request| request.end_others).collect::<Vec<_>>(), [false, true]);
    assert!(requests[1].is_proven(&"test-source".parse().unwrap(), &key, &key));
}

#[test]
fn a_server_that_refuses_leaves_the_key_as_it_is() {
    for (status, code, word) in [
        ("401 X", "unknown_source", "vibetea-server enroll test-source"),
        ("401 X", "invalid_signature", "vibetea-server enroll test-source"),
        ("404 X", "not_found", "no change of key"),
        ("301 X", "moved", "a redirect"),
    ] {
        let home = Home::with_key();
        let before = home.private();
        let server = answering(status, &format!(r#"{{"error":"{code}","message":"hunter2"}}"#));
        let ended = home.rotate(&server.url, &[]);
        assert_eq!(ended.status, 1, "{code}");
        assert!(ended.stderr.contains(word) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert!(ended.stderr.contains("the key stays as it is"), "{}", ended.stderr);
        assert_eq!(home.private(), before);
        assert!(!home.path(".vibetea/key.next").exists(), "{code}");
    }
}

#[test]
fn what_stands_against_a_change_is_said_in_the_servers_words() {
    let home = Home::with_key();
    let before = home.private();
    let server = answering("409 X", r#"{"error":"conflict","message":"It stands in VIBETEA_PUBLIC_KEYS"}"#);
    let ended = home.rotate(&server.url, &[]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("says: “It stands in VIBETEA_PUBLIC_KEYS”"), "{}", ended.stderr);
    assert_eq!(home.private(), before);
}

#[test]
fn a_server_that_is_away_leaves_the_old_key_and_the_next_attempt_goes_on_with_the_same_new_one() {
    let home = Home::with_key();
    let before = home.private();
    let busy = answering("503 X", r#"{"error":"unavailable","message":"m"}"#);
    for server in [&nobody(), &busy.url, &busy.url] {
        let ended = home.rotate(server, &[]);
        assert_eq!(ended.status, 1);
        assert!(ended.stderr.contains("`vibetea-monitor rotate` again"), "{}", ended.stderr);
        assert_eq!(home.private(), before);
        let doctor = home.run(&["doctor", "--json"], &[("VIBETEA_SERVER_URL", server)]).stdout;
        let doctor: Value = serde_json::from_str(&doctor).unwrap();
        let key = doctor["checks"].as_array().unwrap().iter().find(|line| line["check"] == "key").unwrap();
        assert_eq!(key["status"], "warn");
        assert!(key["remedy"].as_str().unwrap().contains("vibetea-monitor rotate"), "{key}");
    }
    let server = taking();
    assert_eq!(home.rotate(&server.url, &[]).status, 0);
    let asked: Vec<String> =
        requests(&busy).into_iter().chain(requests(&server)).map(|request| request.new_public_key).collect();
    assert_eq!(asked, vec![home.public(); 3]);
}

#[test]
fn where_a_second_deployment_knows_the_key_by_its_configuration_nothing_is_changed() {
    let home = Home::with_key();
    let before = home.private();
    let both = [
        ("VIBETEA_SERVER_URL", "http://127.0.0.1:9"),
        ("VIBETEA_SUPABASE_URL", "https://x.example/functions/v1"),
    ];
    let ended = home.run(&["rotate"], &both);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("supabase_url"), "{}", ended.stderr);
    assert_eq!(home.private(), before);
    assert_eq!(fs::read_dir(home.path(".vibetea")).unwrap().count(), 2);
    assert_eq!(Home::new().run(&["rotate"], &both[..1]).status, 78, "without a key there is none to change");
}

/// Kills the program at each call that changes a file or speaks to the server, one after the other.
#[test]
fn wherever_it_is_killed_a_key_that_the_server_takes_is_in_place_and_names_are_the_same() {
    const CALLS: [&str; 8] = ["fchmod", "fsync", "linkat", "unlink", "rename", "sendto", "recvfrom", "write"];
    if !can_trace() {
        return;
    }
    let killed: u32 = CALLS.iter().map(|call| kills(call)).sum();
    assert!(killed >= 15, "only {killed} steps");
}

/// Kills it at the first, the second and every further call of this name, until it comes to its end; how often.
fn kills(call: &str) -> u32 {
    let is_killed = |step: &u32| is_killed_at(call, *step);
    u32::try_from((1..100).take_while(is_killed).count()).unwrap()
}

fn is_killed_at(call: &str, step: u32) -> bool {
    let (home, server) = (Home::with_key(), taking());
    home.write_session(1, 0..1);
    let (named, old) = (home.named(), home.public());
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=KILL:when={step}")])
        .args([env!("CARGO_BIN_EXE_vibetea-monitor"), "rotate"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.folder.path())
        .env("VIBETEA_SOURCE_ID", "test-source")
        .env("VIBETEA_SERVER_URL", &server.url)
        .output()
        .unwrap()
        .status;
    let told: Vec<String> = requests(&server).into_iter().map(|request| request.new_public_key).collect();
    let key = ed25519_dalek::SigningKey::from_bytes(&home.private().try_into().unwrap());
    let present = PublicKey::of(&key).to_base64();
    assert!(present == old || told.contains(&present), "{call} {step}: the server does not take {present}");
    assert_eq!(home.named(), named, "{call} {step}");
    if status.success() {
        assert_ne!(present, old, "{call} {step}");
        return false;
    }
    // what was begun comes to its end
    let ended = home.rotate(&server.url, &[]);
    assert_eq!(ended.status, 0, "{call} {step}: {}", ended.stderr);
    assert_eq!(home.named(), named, "{call} {step}");
    assert!(!home.path(".vibetea/key.next").exists());
    if let Some(first) = told.first()
        && present == old
    {
        assert_eq!(home.public(), *first, "{call} {step}: the key that the server knows already");
    }
    true
}
