//! The description of the API against the running server: schemathesis makes requests from it, good and bad ones, and
//! looks for server errors and for answers that the description does not allow.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use vibetea_protocol::Clock;
use vibetea_protocol::signing::sign_body;
use vibetea_testkit::Cluster;
use vibetea_tests::answers;
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::loopback;

/// Requests of a whole run.
const FEWEST: u32 = 10_000;
const PACKAGE: &str = "schemathesis==4.*";
/// Not "good requests are accepted": a description cannot say that `from` lies before `to`.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method";

/// Part of the long form alone: it downloads some thirty packages of Python.
#[test]
fn no_request_made_from_the_description_breaks_the_server_or_the_description() {
    if !crate::crash::is_soak() {
        println!("skipped: part of the long form, `cargo xtask soak`");
        return;
    }
    let tools = tempfile::tempdir().unwrap();
    let Some(schemathesis) = install(tools.path()) else {
        println!("skipped: Python or its package index is out of reach");
        return;
    };
    let database = Cluster::shared().map(Cluster::database);
    let mut stores = vec![None];
    stores.extend(database.as_ref().map(|database| Some(database.url())));
    for url in stores {
        let cases = cases(&schemathesis, url.as_deref());
        eprintln!("{cases} requests on {}", if url.is_none() { "SQLite" } else { "PostgreSQL" });
        assert!(cases >= FEWEST, "only {cases} requests");
    }
}

/// How many requests were made, none of which broke anything.
fn cases(schemathesis: &Path, database: Option<&str>) -> u32 {
    let place = Place::new();
    let public_key = place.make_keys();
    let more: Vec<_> = database.iter().map(|url| ("VIBETEA_DATABASE_URL", *url)).collect();
    let _server = place.start_server_with(&public_key, &more);
    fill(&place);
    let description = format!("http://{}/api/v1/openapi.json", loopback(place.port));
    let made = place.start("vibetea-server", &["tokens", "create", "--name", "admin", "--admin"], &more);
    let made = made.wait(Duration::from_secs(20));
    assert!(made.status.success(), "{}", made.stderr);
    let header = format!("Authorization: Bearer {}", made.stdout.trim());
    let ended = Command::new(schemathesis)
        .args(["run", &description, "--header", &header, "--checks", CHECKS])
        .args(["--phases", "coverage,fuzzing", "--max-examples", "1000", "--no-color"])
        .current_dir(place.home())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
    generated(&told).unwrap_or_else(|| panic!("no number of test cases: {told}"))
}

/// The number in schemathesis' own summary: `12345 generated, …`.
fn generated(told: &str) -> Option<u32> {
    let (before, _) = told.rsplit_once(" generated")?;
    before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn the_number_of_requests_is_read_from_the_summary() {
    let told = "Test cases:\n  12345 generated, 12345 passed\n\nSeed: 7";
    assert_eq!(generated(told), Some(12_345));
    assert_eq!(generated("nothing was generated"), None);
}

/// In a virtual environment of its own.
fn install(home: &Path) -> Option<PathBuf> {
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let folder = home.join("python");
    let python = folder.join("bin/python");
    let is_there = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && succeeds(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]));
    is_there.then(|| folder.join("bin/schemathesis"))
}

/// Enough of everything that no answer is empty.
fn fill(place: &Place) {
    let now = Clock::System.now().as_micros();
    let kinds = ["session", "activity", "tool", "agent", "summary", "error"];
    let steps = ["started", "completed", "failed"];
    let events: Vec<_> = (0..600_usize)
        .map(|number| {
            let ago = i64::try_from(number).unwrap() * 97_000_000;
            json!({
                "id": format!("evt_{number:020}"),
                "source": SOURCE,
                "timestamp": vibetea_protocol::Timestamp::from_micros(now - ago).unwrap(),
                "type": kinds[number % kinds.len()],
                "payload": {
                    "sessionId": format!("s-{}", number / 50), "project": format!("p-{}", number % 3), "tool": "Read",
                    "status": steps[number % 3], "state": steps[number % 3], "action": "started",
                    "durationMs": number, "agentId": "a1", "agentType": "Plan",
                },
            })
        })
        .collect();
    let body = serde_json::to_vec(&events).unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&place.private_key());
    let headers = [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&key, &body))];
    let answer = answers::post(loopback(place.port), "/ingest", &headers, &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}
