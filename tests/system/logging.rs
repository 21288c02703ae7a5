//! docs/LOGGING.md against the source and against what running programs write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vibetea_protocol::Clock;
use vibetea_tests::answers;
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::program::{Program, loopback, path_of};
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

const ON_EVERY_LINE: [&str; 4] = ["timestamp", "level", "target", "message"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The fields in the table below a heading of the page.
fn documented(heading: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string(root().join("docs/LOGGING.md")).unwrap();
    let (_, below) = page.split_once(&format!("\n### {heading}\n")).expect("the page has the heading");
    let table = below.split("\n#").next().unwrap_or_default();
    let names =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name));
    names.map(str::to_owned).collect()
}

/// The fields that the lines of a crate are given where they are written, each with a place.
fn written(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend((name != "tests").then_some(path));
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !matches!(name.as_str(), "tests.rs" | "testing.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(fields_in(&text).into_iter().map(|field| (field, path.clone())));
            }
        }
    }
    found
}

fn fields_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
        for (at, _) in text.match_indices(level) {
            let before = text[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
                found.extend(arguments(&text[at + level.len()..]).iter().filter_map(|one| field(one)));
            }
        }
    }
    found
}

/// The arguments of a call, up to the bracket that closes it.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let (mut found, mut current) = (Vec::new(), String::new());
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '{' | '[' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    found.push(current);
    found
}

/// The name of a field: `name`, `%name`, `?name` or `name = value`; none for the message.
fn field(argument: &str) -> Option<String> {
    let argument = argument.trim();
    if argument.starts_with('"') || argument.starts_with("target:") {
        return None;
    }
    let name = argument.split('=').next()?.trim().trim_start_matches(['%', '?']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| name.to_owned())
}

#[test]
fn fields_are_found_in_the_source_in_every_spelling() {
    let text = r#"tracing::warn!(%error, why = ?pause, count, "a, (b"); my_info!(no, "x");
        debug!(a = f(x, "y")); info!("{text}"); error!(place, "broke")"#;
    let found: Vec<String> = fields_in(text).into_iter().collect();
    assert_eq!(found, ["a", "count", "error", "place", "why"]);
}

#[test]
fn the_page_names_the_fields_that_the_source_writes_and_no_other() {
    for (heading, folder) in [("Server", "server/src"), ("Monitor", "monitor/src")] {
        let (documented, written) = (documented(heading), written(&root().join(folder)));
        assert!(documented.len() > 5, "{heading} has a table");
        let missing: Vec<_> = written.iter().filter(|(field, _)| !documented.contains(*field)).collect();
        assert!(
            missing.is_empty(),
            "docs/LOGGING.md does not name these fields of the {heading}: {missing:?}"
        );
        let gone: Vec<_> = documented.iter().filter(|field| !written.contains_key(*field)).collect();
        assert!(gone.is_empty(), "nothing of the {heading} writes these fields of docs/LOGGING.md: {gone:?}");
    }
}

/// Lines that are no JSON objects with what every line has, or have fields that are not documented.
fn strange(log: &str, documented: &BTreeSet<String>) -> Vec<String> {
    let is_as_documented = |line: &str| {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(line) else { return false };
        ON_EVERY_LINE.iter().all(|name| fields.contains_key(*name))
            && fields.keys().all(|name| ON_EVERY_LINE.contains(&name.as_str()) || documented.contains(name))
    };
    log.lines().filter(|line| !is_as_documented(line)).map(str::to_owned).collect()
}

/// A server and a monitor at work and in trouble, and what they said.
fn at_work(place: &Place, log: &str) -> (String, String) {
    let key = place.make_keys();
    let monitor = place.start_monitor(&[("RUST_LOG", log)]);
    let mut session = Session::new(3, "secret-project");
    let mut file = Appender::open(&session.path(&place.claude()));
    file.line(&session.next_line(Clock::System.now()).text);
    until_so(Duration::from_secs(30), "the monitor says that nobody answers", || {
        monitor.stderr().contains("cannot deliver for now")
    });
    let server = place.start_server_with(&key, &[("RUST_LOG", log)]);
    until_so(Duration::from_mins(1), "the events are stored", || stored::count(&place.database()) >= 2);
    let address = loopback(place.port);
    answers::get(address, "/query?days=7&token=secret-in-a-query", &[]).unwrap();
    answers::get(address, "/query", &answers::bearer(TOKEN)).unwrap();
    answers::get(address, "/nothing/secret-in-a-path", &answers::bearer("secret-wrong-token")).unwrap();
    answers::post(address, "/events", &["X-Source-ID: secret-source".to_owned()], b"[\"secret-body\"]")
        .unwrap();
    let ended = |program: Program| {
        program.terminate();
        program.wait(Duration::from_secs(20)).stderr
    };
    (ended(server), ended(monitor))
}

#[test]
fn off_a_terminal_every_line_is_json_with_documented_fields() {
    let (server, monitor) = at_work(&Place::new(), "info");
    for (heading, log, message) in [
        ("Server", &server, "\"message\":\"request\""),
        ("Monitor", &monitor, "\"message\":\"monitor started\""),
    ] {
        assert!(log.contains(message), "{heading}: {log}");
        assert_eq!(strange(log, &documented(heading)), Vec::<String>::new());
        // the twins: text, and a field that nobody documented
        let text = format!("{log}2026-01-01 INFO listening");
        assert_eq!(strange(&text, &documented(heading)), ["2026-01-01 INFO listening"]);
        let more = log.replacen("\"message\"", "\"peer\":\"10.0.0.1\",\"message\"", 1);
        assert_eq!(strange(&more, &documented(heading)).len(), 1, "{heading}");
    }
    let requests: Vec<Value> = server.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused = requests.iter().find(|line| line["refused"] == "missing_auth").expect("a refusal is told");
    assert_eq!((refused["route"].as_str(), refused["status"].as_u64()), (Some("/query"), Some(401)));
}

#[test]
fn at_their_most_talkative_the_programs_do_not_say_what_is_never_logged() {
    let place = Place::new();
    let (server, monitor) = at_work(&place, "trace");
    let session = Session::new(3, "secret-project");
    let leaks = |log: &str| {
        let secrets = ["secret-", TOKEN, session.id(), "Übersicht", "Fehler suchen", ".jsonl"];
        secrets
            .iter()
            .filter(|secret| log.contains(**secret))
            .map(|secret| (*secret).to_owned())
            .collect::<Vec<_>>()
    };
    for log in [server, monitor] {
        assert!(log.lines().count() > 20, "{log}");
        assert_eq!(leaks(&log), Vec::<String>::new());
        // the twin: a line that holds one is found
        assert_eq!(leaks(&format!("{log}GET /ws?token={TOKEN}")), [TOKEN]);
    }
}

/// It logs a warning about an old name and ends at once, as its port is taken.
#[test]
fn on_a_terminal_the_lines_are_text_for_people() {
    let place = Place::new();
    let _taken = std::net::TcpListener::bind(loopback(place.port)).unwrap();
    let typescript = place.logs().join("terminal");
    let port = place.port.to_string();
    let more = [("PORT", port.as_str()), ("VIBETEA_AUTH_TOKEN", TOKEN), ("VIBETEA_SUBSCRIBER_TOKEN", "")];
    let key = place.make_keys();
    let ran = Command::new("script")
        .args(["--quiet", "--flush", "--command"])
        .arg(path_of("vibetea-server"))
        .arg(&typescript)
        .env_clear()
        .envs(place.environment_and(&more))
        .env("VIBETEA_PUBLIC_KEYS", format!("test-machine:{key}"))
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .output();
    if ran.is_err() {
        eprintln!("skipped: no `script` on this system, which makes a terminal");
        return;
    }
    let said = String::from_utf8_lossy(&std::fs::read(&typescript).unwrap()).into_owned();
    let line = said.lines().find(|line| line.contains("is an old name")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("WARN") && !line.contains('{') && !line.contains(TOKEN), "{line}");
}
