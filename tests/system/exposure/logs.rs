//! Names that are to be more than text.

use std::path::Path;

use serde_json::json;
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::TOKEN;

use super::{Rig, event};

const NASTY: [&str; 5] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\u{202e}gpj.exe",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "{\"message\":\"forged\"}\n{\"level\":\"ERROR\"}",
];

/// Pieces of such names, or bytes that a terminal obeys, in a log.
fn traces(log: &str) -> Vec<String> {
    let mut found: Vec<String> =
        log.chars().filter(|c| c.is_control() && *c != '\n').map(|c| format!("{c:?}")).collect();
    let pieces = ["<script", "onerror", "\u{202e}", "gpj.exe", "[31m", "forged"];
    found.extend(pieces.iter().filter(|piece| log.contains(**piece)).map(|piece| (*piece).to_owned()));
    found
}

#[test]
fn names_with_markup_and_control_codes_are_passed_on_as_text_and_reach_no_log() {
    let rig = Rig::start(&[("RUST_LOG", "trace")]);
    for (number, name) in (0..).zip(NASTY) {
        let mut event = event(number, name);
        event["payload"]["tool"] = json!(name);
        let answer = rig.post("/ingest", &[event]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let path =
            format!("/{}", name.bytes().fold(String::new(), |path, byte| path + &format!("%{byte:02x}")));
        assert_eq!(answers::get(rig.address(), &path, &[]).unwrap().status, 404);
        let headers =
            [format!("X-Source-ID: {}", name.replace(char::is_control, "")), "X-Signature: x".to_owned()];
        assert_eq!(answers::post(rig.address(), "/events", &headers, b"[]").unwrap().status, 401);
    }
    let answer = answers::get(rig.address(), "/api/v1/events", &bearer(TOKEN)).unwrap();
    assert!(answer.head.to_lowercase().contains("content-type: application/json"), "{}", answer.head);
    let text = answer.json().to_string();
    for name in NASTY {
        let quoted = json!(name).to_string();
        assert!(text.contains(&quoted), "{name:?} is not there as it was sent: {text}");
    }
    assert!(!answer.body.contains(['\u{1b}', '\u{7}']), "control codes are escaped");
    let log = rig.server.stderr();
    assert!(log.lines().count() > 10, "{log}");
    assert_eq!(traces(&log), Vec::<String>::new());
    // the twin: a log that held one of them would be caught
    for name in NASTY {
        assert_ne!(traces(&format!("{log}{name}")), Vec::<String>::new(), "{name:?}");
    }
}

/// What the page shows, it shows as text: it has no way to write markup.
#[test]
fn the_page_has_no_way_to_show_text_as_markup() {
    const WAYS: [&str; 8] = [
        "innerHTML",
        "outerHTML",
        "dangerouslySetInnerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "new Function",
        "eval(",
    ];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "ts" || ending == "tsx") {
                let text = std::fs::read_to_string(&path).unwrap();
                let way = WAYS.iter().find(|way| text.contains(**way));
                let is_test = path.to_string_lossy().contains(".test.");
                assert!(is_test || way.is_none(), "{} has {way:?}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 30, "only {read} files");
}
