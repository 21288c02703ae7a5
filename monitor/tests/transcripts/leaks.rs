//! The whole program under a magnifying glass: every byte it sends, keeps or says, whatever goes wrong.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::canaries::pair;
use crate::desk::{Answer, DEAD_SERVER, Desk, Request, Server, eventually, reply};
use crate::harness::{SESSION, main_file};
use crate::lines::{call, file, prompt, result};
use crate::sown::{Canaries, Made};
use crate::traces::traces;

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

/// Every line, and half of every line before it.
fn torn(lines: &[Value]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        let line = line.to_string();
        let half = (0..=line.len() / 2).rev().find(|at| line.is_char_boundary(*at)).unwrap();
        text.extend_from_slice(format!("{}\n{line}\n", &line[..half]).as_bytes());
    }
    text
}

/// The same lines as another session's, in a time to come: nothing in them is history.
fn of_now(lines: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(lines.to_vec()).unwrap();
    text.replace("2026-02-03T", "2126-02-03T").replace(r#""uuid":""#, r#""uuid":"now-"#).into_bytes()
}

/// Everything that a server can do wrong, each with the request and words of its own in the answer, on either route;
/// then everything is taken but what tools of no known name did.
fn unfriendly(words: [String; 3]) -> Answer {
    let seen: Mutex<HashMap<String, usize>> = Mutex::default();
    Box::new(move |request: &Request| {
        let route = request.head.split(' ').nth(1).unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        let count = seen.entry(route).or_default();
        *count += 1;
        let [one, two, three] = &words;
        let echo =
            [format!(r#"{{"error":"{one}","message":"{two}","body":"#).as_bytes(), &request.body, b"}"]
                .concat();
        let headers = format!("x-{three}: {one}\r\nlocation: /{two}\r\n");
        match *count {
            1 => Some(reply(&format!("500 {three}"), &headers, &echo)),
            2 => None,
            3 => Some(reply("302 Found", &headers, &echo)),
            4 => Some(reply("413 Content Too Large", &headers, &echo)),
            _ if String::from_utf8_lossy(&request.body).contains(r#""tool":"other""#) => {
                Some(reply("400 Bad Request", &headers, &echo))
            }
            _ => Some(reply("200 OK", &headers, &echo)),
        }
    })
}

#[test]
fn nothing_private_gets_out_whatever_goes_wrong() {
    let mut canaries = Canaries::new(77);
    let person = canaries.word();
    let machine = gethostname::gethostname().to_string_lossy().into_owned();
    let everything = "trace,notify=trace,notify::inotify=trace,hyper=trace";
    let desk = Desk::new(
        &person,
        &[("VIBETEA_SOURCE_ID", "desk"), ("USER", &person), ("LOGNAME", &person), ("RUST_LOG", everything)],
    );
    let slug = canaries.word();
    let said = torn(&canaries.transcript());
    desk.write(&format!("-{slug}-shop/{SESSION}.jsonl"), &said);
    desk.write(&format!("-{slug}-shop/{OTHER}.jsonl"), &of_now(&torn(&canaries.transcript())));
    let inside = canaries.transcript();
    desk.write(&format!("-{slug}-shop/{SESSION}/subagents/agent-a5bdbc1.jsonl"), &file(&inside));
    let answers = [canaries.word(), canaries.word(), canaries.word()];
    // the store names the transcripts that it follows, and that alone
    let at_home: Vec<String> = canaries.words.iter().filter(|word| **word != slug).cloned().collect();

    let run = desk.start(DEAD_SERVER);
    let lines = String::from_utf8_lossy(&said).lines().count() * 2 + inside.len();
    eventually("everything is read", || desk.counter("lines") == lines as u64);
    eventually("a failed attempt", || desk.status()["live"]["state"] == "retrying");
    let mut told = run.told();
    drop(run);
    let waiting = desk.kept();
    assert!(contains(&waiting, "plain.rs") && contains(&waiting, &slug), "the outbox was looked at");
    assert_eq!(traces(&at_home, &waiting), [], "while everything waits");

    let server = Server::answering(unfriendly(answers));
    let run = desk.start(&server.url);
    eventually("everything is gone", || desk.waiting() == Some(0));
    told.extend(run.stop());
    let status = desk.status();
    let set_aside =
        status["live"]["quarantined"].as_u64().unwrap() * status["batch"]["quarantined"].as_u64().unwrap();
    assert!(set_aside > 0, "{status}");
    assert_eq!(traces(&at_home, &desk.kept()), [], "after everything went wrong");
    assert_eq!(traces(&canaries.words, &told), [], "{}", String::from_utf8_lossy(&told));
    assert!(contains(&told, "TRACE"), "the log was at its most talkative");
    let sent: Vec<u8> = server.take().iter().flat_map(Request::bytes).collect();
    assert!(
        contains(&sent, "POST /events") && contains(&sent, "POST /ingest") && contains(&sent, "plain.rs")
    );
    assert_eq!(traces(&canaries.words, &sent), []);
    assert!(machine.len() < 3 || !contains(&sent, &machine), "the source has a name of its own");

    // planted bugs: a name as it is, a text in a header, a word as code, each where it would be
    for leak in [said.as_slice(), format!("x-context: {}", canaries.words[9]).as_bytes()] {
        assert_ne!(traces(&canaries.words, &[&sent, leak].concat()), []);
        assert_ne!(traces(&canaries.words, &[&told, leak].concat()), []);
        assert_ne!(traces(&at_home, &[&waiting, leak].concat()), []);
    }
}

/// The bytes of one of the monitor's files, with what SQLite keeps beside it.
fn kept_in(desk: &Desk, file: &str) -> Vec<u8> {
    let read = |ending: &str| std::fs::read(desk.path(&format!(".local/state/vibetea/{file}{ending}")));
    ["", "-wal"].into_iter().filter_map(|ending| read(ending).ok()).flatten().collect()
}

/// Planted leak: a directory's name is let out, so a marked one is found wherever it goes.
#[test]
fn a_name_that_is_let_out_is_found_in_all_that_is_sent_and_kept() {
    let mut canaries = Canaries::new(78);
    let words = [canaries.word()];
    let desk = Desk::new("home-of-dev", &[("VIBETEA_SOURCE_ID", "desk")]);
    let mut line = prompt("u1", 0, "hi");
    line["cwd"] = format!("/srv/{}", words[0]).into();
    desk.write(&main_file(), &file(&[line]));
    let run = desk.start(DEAD_SERVER);
    eventually("everything is read", || desk.counter("lines") == 1);
    drop(run);
    assert_ne!(traces(&words, &kept_in(&desk, "outbox.db")), []);

    let server = Server::accepting();
    let run = desk.start(&server.url);
    eventually("everything is gone", || desk.waiting() == Some(0));
    run.stop();
    let sent: Vec<u8> = server.take().iter().flat_map(Request::bytes).collect();
    assert_ne!(traces(&words, &sent), []);
    assert_ne!(traces(&words, &kept_in(&desk, "sent.db")), []);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// What a run over these lines sends. Everything is read before the server is there, so that what goes into one
/// request is no matter of chance.
fn traffic(server: &Server, lines: &[Value], variables: &[(&'static str, &str)]) -> Vec<Request> {
    let desk = Desk::new("home-of-dev", &[&[("VIBETEA_SOURCE_ID", "desk")], variables].concat());
    desk.write(&main_file(), &file(lines));
    let run = desk.start(DEAD_SERVER);
    eventually("everything is read", || desk.counter("lines") == lines.len() as u64);
    drop(run);
    let run = desk.start(&server.url);
    eventually("everything is gone", || desk.waiting() == Some(0));
    run.stop();
    let mut requests = server.take();
    requests.sort();
    requests
}

#[test]
fn runs_that_differ_in_text_alone_are_the_same_byte_for_byte() {
    let server = Server::accepting();
    let (one, other) = pair(Made::OfAnything, (3, 4));
    let first = traffic(&server, &one, &[]);
    assert!(first.iter().map(|request| request.body.len()).sum::<usize>() > 3000, "it was understood");
    assert!(first == traffic(&server, &other, &[]), "the traffic tells the two apart");

    // planted bug: the name of a tool comes through as it is
    let telling = |lines: &[Value]| -> Vec<Value> {
        let mut lines = lines.to_vec();
        lines[4]["message"]["content"][0]["name"] = "Write".into();
        lines
    };
    assert!(first != traffic(&server, &telling(&one), &[]));
}

#[test]
fn what_the_options_hold_back_does_not_leave() {
    let server = Server::accepting();
    let lines = [
        prompt("u1", 0, "hi"),
        call("a1", 1, "toolu_1", "Read", &serde_json::json!({"file_path": "/x/plain.rs"})),
    ];
    let sent = |variables: &[(&'static str, &str)]| -> Vec<u8> {
        traffic(&server, &lines, variables).iter().flat_map(Request::bytes).collect()
    };
    let usual = sent(&[]);
    assert!(contains(&usual, r#""project":"shop""#) && contains(&usual, "plain.rs"), "the check can fail");
    let hashed = sent(&[("VIBETEA_PROJECT_NAMES", "hash"), ("VIBETEA_CONTEXT", "off")]);
    assert!(
        contains(&hashed, r#""project":"p-"#) && !contains(&hashed, "shop") && !contains(&hashed, "plain.rs")
    );
    let nameless = sent(&[("VIBETEA_PROJECT_NAMES", "off"), ("VIBETEA_BASENAME_ALLOWLIST", "ts")]);
    assert!(!contains(&nameless, "shop") && !contains(&nameless, "p-") && !contains(&nameless, "plain.rs"));
    assert!(contains(&nameless, r#""project":"unknown""#), "a session says that much");
}

#[test]
fn tools_of_an_mcp_server_are_named_where_the_operator_lets_that_server_be_named() {
    let server = Server::accepting();
    let lines = [
        prompt("u1", 0, "hi"),
        call("a1", 1, "toolu_1", "mcp__github__create_issue", &serde_json::json!({"title": "x"})),
        call("a2", 2, "toolu_2", "mcp__payroll__read_salaries", &serde_json::json!({})),
        call("a3", 3, "toolu_3", "mcp__github__the salary of Ann", &serde_json::json!({})),
        result("u2", 4, "toolu_1", &serde_json::json!({}), &Value::Null),
    ];
    let sent = |variables: &[(&'static str, &str)]| -> Vec<u8> {
        traffic(&server, &lines, variables).iter().flat_map(Request::bytes).collect()
    };
    for usual in [sent(&[]), sent(&[("VIBETEA_MCP_ALLOWLIST", "git")])] {
        assert!(!contains(&usual, "github") && contains(&usual, r#""tool":"mcp""#));
    }
    let named = sent(&[("VIBETEA_MCP_ALLOWLIST", "github, playwright")]);
    let tool = r#""tool":"mcp__github__create_issue""#;
    assert_eq!(String::from_utf8_lossy(&named).matches(tool).count(), 2, "the call and its result");
    assert!(!contains(&named, "payroll") && !contains(&named, "Ann") && contains(&named, r#""tool":"mcp""#));
}

#[test]
fn the_machines_name_leaves_only_in_place_of_a_source() {
    let machine = gethostname::gethostname().to_string_lossy().into_owned();
    let server = Server::accepting();
    let desk = Desk::new("home-of-dev", &[]);
    desk.write(&main_file(), &file(&[prompt("u1", 0, "hi")]));
    let run = desk.start(&server.url);
    eventually("everything is gone", || desk.counter("lines") == 1 && desk.waiting() == Some(0));
    run.stop();
    let sent: Vec<u8> = server.take().iter().flat_map(Request::bytes).collect();
    assert!(contains(&sent, &format!(r#""source":"{machine}""#)), "as the settings say");
}

#[test]
fn a_line_longer_than_the_limit_costs_only_itself() {
    let server = Server::accepting();
    let desk = Desk::new("home-of-dev", &[("VIBETEA_SOURCE_ID", "desk")]);
    desk.write(&main_file(), &file(&[prompt("u1", 0, "hi")]));
    desk.write(&main_file(), &file(&[prompt("u2", 1, &"x".repeat(64 << 20))]));
    desk.write(&main_file(), &file(&[prompt("u3", 2, &"x".repeat(1 << 20)), prompt("u4", 3, "hi")]));
    let run = desk.start(&server.url);
    eventually("everything is gone", || desk.counter("lines") == 3 && desk.waiting() == Some(0));
    run.stop();
    assert_eq!(desk.counter("lines_too_long"), 1);
    let sent: Vec<Value> = server
        .take()
        .iter()
        .flat_map(|request| serde_json::from_slice::<Vec<Value>>(&request.body).unwrap())
        .collect();
    assert_eq!(sent.len(), 4, "the start, and three prompts");
}
