//! Examples to begin with.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use serde_json::Value;
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::transcript::Session;

fn in_workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The bodies of the golden fixtures that are written out.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(in_workspace("protocol/fixtures")).expect("the fixtures are there");
    let mut bodies = Vec::new();
    for file in files {
        let path = file.expect("the folder can be read").path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = std::fs::read_to_string(path).expect("a fixture can be read");
            let cases: Vec<Value> = serde_json::from_str(&text).expect("a fixture is a list of cases");
            bodies.extend(cases.iter().filter_map(|case| Some(case["body"].as_str()?.as_bytes().to_vec())));
        }
    }
    assert!(bodies.len() > 50, "only {} bodies", bodies.len());
    bodies
}

/// Signatures and public keys.
pub(super) fn signatures() -> Vec<Vec<u8>> {
    let key = |seed| SigningKey::from_bytes(&[seed; 32]);
    let mut texts: Vec<String> = (1..9).map(|seed| sign_body(&key(seed), b"[]")).collect();
    texts.extend((1..9).map(|seed| PublicKey::of(&key(seed)).to_base64()));
    texts.extend(["", "=", "AA==", "not base64!"].map(str::to_owned));
    texts.into_iter().map(String::into_bytes).collect()
}

/// What stands in the head of an upgrade: the address, then the headers.
pub(super) fn hellos() -> Vec<Vec<u8>> {
    [
        "/ws\nHost: 127.0.0.1:8080\nAuthorization: Bearer vt_0123456789abcdef",
        "/ws?token=abc&source=laptop&type=tool&project=b%C3%BCro\nHost: tea.example.org",
        "/ws?ticket=0123456789abcdef&last_event_id=evt_8x4kabcdefghijklmnop\nHost: [::1]:8080",
        "/ws?source=&type=\nHost: localhost\nOrigin: http://localhost:5173",
        "/tea/ws?project=a+b%00c\nHost: a.example:443\nX-Forwarded-For: 203.0.113.7, 10.0.0.5",
        "/ws\nHost: tea\nX-Forwarded-For: [2001:db8::7]:4711\nX-Forwarded-Proto: https",
        "/ws\nX-Forwarded-For: unknown, ::ffff:10.1.2.3\nX-Forwarded-For: 127.0.0.1",
        "http://evil.example/ws?x\nHost: localhost\nHost: evil.example",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// A session as one is written, in pieces, and lines of other shapes.
pub(super) fn transcripts() -> Vec<Vec<u8>> {
    let mut session = Session::new(1, "shop");
    let now = "2026-02-03T14:30:00Z".parse().expect("a good timestamp");
    let lines: Vec<String> = (0..24).map(|_| session.next_line(now).text).collect();
    let mut seeds: Vec<Vec<u8>> = lines.chunks(3).map(|lines| lines.join("\n").into_bytes()).collect();
    seeds.push(lines.join("\n").into_bytes());
    seeds.extend(
        [
            r#"{"type":"summary","summary":"x","leafUuid":"11111111-2222-4333-8444-555555555555"}"#,
            r#"{"type":"progress","progress":{"type":"PostToolUse","tool_name":"Read","result":{"success":true}}}"#,
            r#"{"type":"system","subtype":"api_error","timestamp":"2026-02-03T14:30:00Z","uuid":"u","sessionId":"s"}"#,
            r#"{"type":"queue-operation","operation":"enqueue","content":"x"}"#,
            "{\"type\":\"user\"",
            "\0\0\0\0",
        ]
        .map(|text| text.as_bytes().to_vec()),
    );
    seeds
}
