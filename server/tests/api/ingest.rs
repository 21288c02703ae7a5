//! `POST /ingest`, also `/functions/v1/ingest`.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::checks::exactly_once;
use crate::harness::{SOURCE, Server, Setup, body, changed, event, events, id, key_of, send};

const PATHS: [&str; 2] = ["/ingest", "/functions/v1/ingest"];

fn message_of(answer: &Value) -> &str {
    answer["message"].as_str().unwrap()
}

#[tokio::test]
async fn both_paths_answer_with_count_and_sentence() {
    let server = Setup::new().start().await;
    for (path, at) in PATHS.into_iter().zip([0, 10]) {
        let answer = server.post(path, SOURCE, body(&events(at..at + 3))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.body, @r#"{"inserted":3,"message":"Successfully processed 3 events"}"#);
        }
    }
    assert_eq!(server.counted().await, 6);
}

#[tokio::test]
async fn duplicates_are_counted_and_no_error() {
    let server = Setup::new().start().await;
    server.ingest(&events(0..3)).await;
    let again = server.ingest(&events(1..5)).await;
    assert_eq!(again["inserted"], 2);
    assert_eq!(message_of(&again), "Successfully processed 4 events (2 duplicates skipped)");
    let within = server.ingest(&[event(9), event(9), event(9)]).await;
    assert_eq!(within["inserted"], 1);
    assert_eq!(message_of(&within), "Successfully processed 3 events (2 duplicates skipped)");
    let all = server.ingest(&events(0..5)).await;
    assert_eq!(all["inserted"], 0);
    assert_eq!(message_of(&all), "Successfully processed 5 events (5 duplicates skipped)");
    assert_eq!(server.counted().await, 6);
}

#[tokio::test]
async fn the_first_of_two_payloads_with_one_id_stays() {
    let server = Setup::new().start().await;
    server.ingest(&[changed(event(1), "payload", json!({ "n": 1 }))]).await;
    server.ingest(&[changed(event(1), "payload", json!({ "n": 2 }))]).await;
    let other = changed(changed(event(1), "source", "desktop"), "payload", json!({ "n": 3 }));
    assert_eq!(server.post("/ingest", "desktop", body(&[other])).await.json()["inserted"], 0);
    let rows = server.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["payload"], json!({ "n": 1 }));
    assert_eq!(rows[0]["source"], SOURCE);
}

#[tokio::test]
async fn one_bad_event_among_good_ones_stores_nothing() {
    let server = Setup::new().start().await;
    for at in [0, 1, 500, 999] {
        let mut batch = events(0..1000);
        batch[at] = changed(batch[at].clone(), "type", "unknown");
        let answer = server.post("/ingest", SOURCE, body(&batch)).await;
        assert_eq!(answer.refusal(), (422, "invalid_event_type".to_owned()));
        assert_eq!(message_of(&answer.json()), format!("Invalid event type 'unknown' at index {at}"));
    }
    assert_eq!(server.rows().len(), 0);
    assert_eq!(server.ingest(&events(0..1000)).await["inserted"], 1000);
    assert_eq!(server.rows().len(), 1000);
}

#[tokio::test]
async fn other_methods_are_refused_with_the_ones_allowed() {
    let server = Setup::new().start().await;
    for path in PATHS {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = send(server.request(method.clone(), path)).await;
            assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{method} {path}");
            assert!(answer.header("allow").contains("POST"), "{method} {path}");
        }
    }
}

/// A fault of a request, in the order in which the faults are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Method,
    Size,
    NoSource,
    EmptySource,
    NoSignature,
    EmptySignature,
    UnknownSource,
    WrongSignature,
    NoJson,
    EmptyBatch,
    TooMany,
    BadEvent,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::Method,
        Self::Size,
        Self::NoSource,
        Self::EmptySource,
        Self::NoSignature,
        Self::EmptySignature,
        Self::UnknownSource,
        Self::WrongSignature,
        Self::NoJson,
        Self::EmptyBatch,
        Self::TooMany,
        Self::BadEvent,
    ];

    fn refusal(self) -> (u16, &'static str) {
        match self {
            Self::Method => (405, "method_not_allowed"),
            Self::Size => (413, "payload_too_large"),
            Self::NoSource | Self::EmptySource | Self::NoSignature | Self::EmptySignature => {
                (401, "missing_auth")
            }
            Self::UnknownSource => (401, "unknown_source"),
            Self::WrongSignature => (401, "invalid_signature"),
            Self::NoJson => (400, "invalid_request"),
            Self::EmptyBatch => (400, "empty_batch"),
            Self::TooMany => (400, "batch_too_large"),
            Self::BadEvent => (400, "invalid_event"),
        }
    }

    /// Faults of which one request can have only one.
    fn group(self) -> u8 {
        match self {
            Self::NoSource | Self::EmptySource | Self::UnknownSource => 1,
            Self::NoSignature | Self::EmptySignature | Self::WrongSignature => 2,
            Self::NoJson | Self::EmptyBatch | Self::TooMany | Self::BadEvent => 3,
            Self::Method => 4,
            Self::Size => 5,
        }
    }
}

async fn refused_with(server: &Server, path: &str, faults: &[Fault]) -> (u16, String) {
    let has = |fault| faults.contains(&fault);
    let mut text = if has(Fault::NoJson) {
        b"[{]".to_vec()
    } else if has(Fault::EmptyBatch) {
        b"[]".to_vec()
    } else if has(Fault::TooMany) {
        body(&vec![changed(event(1), "id", "bad"); 1001])
    } else if has(Fault::BadEvent) {
        body(&[changed(event(1), "id", "bad")])
    } else {
        body(&[event(1)])
    };
    if has(Fault::Size) {
        let limit = if path == "/events" { 1024 * 1024 } else { 4 * 1024 * 1024 };
        text.resize(limit + 1, b' ');
    }
    let source = if has(Fault::UnknownSource) { "stranger" } else { SOURCE };
    let key = if has(Fault::WrongSignature) { key_of("desktop") } else { key_of(source) };
    let mut request = server.request(if has(Fault::Method) { Method::PUT } else { Method::POST }, path);
    if !has(Fault::NoSource) {
        request = request.header("x-source-id", if has(Fault::EmptySource) { "" } else { source });
    }
    if !has(Fault::NoSignature) {
        let signature = sign_body(&key, &text);
        request = request.header("x-signature", if has(Fault::EmptySignature) { "" } else { &signature });
    }
    send(request.body(text)).await.refusal()
}

#[tokio::test]
async fn each_fault_alone_has_its_answer_and_of_two_the_first_in_order_is_told() {
    let server = Setup::new().start().await;
    for path in [PATHS[0], PATHS[1], "/events"] {
        for first in Fault::ALL {
            let (status, code) = first.refusal();
            assert_eq!(
                refused_with(&server, path, &[first]).await,
                (status, code.to_owned()),
                "{path} {first:?}"
            );
            for second in Fault::ALL.into_iter().filter(|second| *second > first) {
                if second.group() == first.group() {
                    continue;
                }
                let refusal = refused_with(&server, path, &[first, second]).await;
                assert_eq!(refusal, (status, code.to_owned()), "{path} {first:?} {second:?}");
            }
        }
    }
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn a_header_of_white_space_is_an_empty_one() {
    let server = Setup::new().start().await;
    let text = body(&[event(1)]);
    let signature = sign_body(&key_of(SOURCE), &text);
    for headers in [
        format!("X-Source-ID:   \r\nX-Signature: {signature}"),
        format!("X-Source-ID: {SOURCE}\r\nX-Signature: \t"),
    ] {
        let mut request = format!(
            "POST /ingest HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\nContent-Length: {}\r\n\r\n",
            server.address,
            text.len()
        )
        .into_bytes();
        request.extend_from_slice(&text);
        let answer = server.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("missing_auth"), "{answer}");
    }
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let server = Setup::new().start().await;
    for (at, kind) in
        ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", ""]
            .into_iter()
            .enumerate()
    {
        let text = body(&[event(at as u64)]);
        let request = server
            .request(Method::POST, "/ingest")
            .header("x-source-id", SOURCE)
            .header("x-signature", sign_body(&key_of(SOURCE), &text));
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        assert_eq!(send(request.body(text)).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn a_key_speaks_for_its_own_source_alone() {
    let server = Setup::new().start().await;
    let text = body(&[event(1)]);
    let request = server
        .request(Method::POST, "/ingest")
        .header("x-source-id", SOURCE)
        .header("x-signature", sign_body(&key_of("desktop"), &text))
        .body(text);
    assert_eq!(send(request).await.refusal(), (401, "invalid_signature".to_owned()));
    let answer = server.post("/ingest", "desktop", body(&[event(1)])).await;
    assert_eq!(answer.refusal(), (422, "source_mismatch".to_owned()));
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn a_source_named_twice_may_sign_with_either_key() {
    let (old, new) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let keys = [&old, &new].map(|key| format!("{SOURCE}:{}", PublicKey::of(key).to_base64())).join(",");
    let server = Setup::new().with("VIBETEA_PUBLIC_KEYS", keys).start().await;
    let strange = SigningKey::from_bytes(&[3; 32]);
    for (n, (key, status)) in [(&old, 200), (&new, 200), (&strange, 401)].into_iter().enumerate() {
        let text = body(&[event(n as u64)]);
        let request = server
            .request(Method::POST, "/ingest")
            .header("x-source-id", SOURCE)
            .header("x-signature", sign_body(key, &text))
            .body(text);
        assert_eq!(send(request).await.status, status);
    }
}

/// Every single-bit change of the signature, and many of the body, the source and the encoding.
#[tokio::test(flavor = "multi_thread")]
async fn no_changed_request_passes_for_the_signed_one() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    let server = Arc::new(Setup::new().start().await);
    // one whose signature another alphabet spells otherwise
    let texts = (1..).map(|number| body(&[event(number)]));
    let signed = texts.map(|text| (sign_body(&key_of(SOURCE), &text), text));
    let (signature, text) = { signed }.find(|(signature, _)| signature.contains(['+', '/'])).unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let mut forged: Vec<(String, String, Vec<u8>)> = Vec::new();
    for bit in 0..512 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        forged.push((SOURCE.to_owned(), STANDARD.encode(changed), text.clone()));
    }
    for bit in (0..text.len() * 8).step_by(3) {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        forged.push((SOURCE.to_owned(), STANDARD.encode(&signature), changed));
    }
    let longer = [&text[..], b" "].concat();
    forged.push((SOURCE.to_owned(), STANDARD.encode(&signature), longer));
    for odd in [
        STANDARD_NO_PAD.encode(&signature),
        URL_SAFE.encode(&signature),
        URL_SAFE_NO_PAD.encode(&signature),
        STANDARD.encode(&signature[..63]),
        STANDARD.encode([&signature[..], &[0]].concat()),
        "no base64 at all!".to_owned(),
        "A".repeat(5000),
        malleated(&signature),
        // the identity point as R, zero as S: valid under every weak key for every message
        STANDARD.encode([&[1][..], &[0; 63]].concat()),
    ] {
        forged.push((SOURCE.to_owned(), odd, text.clone()));
    }
    for source in ["Laptop", "desktop", "laptop\u{301}", "laptop2"] {
        forged.push((source.to_owned(), STANDARD.encode(&signature), text.clone()));
    }
    assert!(forged.len() >= 1000, "{}", forged.len());
    let mut workers = Vec::new();
    for part in forged.chunks(forged.len().div_ceil(8)) {
        let (part, server) = (part.to_vec(), Arc::clone(&server));
        workers.push(tokio::spawn(async move {
            for (source, signature, text) in part {
                let request = server
                    .request(Method::POST, "/ingest")
                    .header(
                        "x-source-id",
                        reqwest::header::HeaderValue::from_bytes(source.as_bytes()).unwrap(),
                    )
                    .header("x-signature", &signature)
                    .body(text.clone());
                let (status, code) = send(request).await.refusal();
                assert_eq!(status, 401, "{source} {signature} {text:?}");
                assert!(["invalid_signature", "unknown_source"].contains(&code.as_str()), "{code}");
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(server.rows().len(), 0);
    // the twin of all of the above: unchanged, it passes
    assert_eq!(server.post("/ingest", SOURCE, text).await.status, 200);
}

/// The same signature with the group's order added to S, which a lenient verifier takes for good.
fn malleated(signature: &[u8]) -> String {
    use base64::Engine as _;
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    base64::engine::general_purpose::STANDARD.encode(changed)
}

#[tokio::test]
async fn a_source_beyond_ascii_is_sent_as_utf8() {
    let server = Setup::new().with_sources(["büro-東京".to_owned()]).start().await;
    let answer = server.post("/ingest", "büro-東京", body(&[changed(event(1), "source", "büro-東京")])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.rows()[0]["source"], "büro-東京");
    let latin1 = server
        .request(Method::POST, "/ingest")
        .header("x-source-id", reqwest::header::HeaderValue::from_bytes(b"b\xfcro").unwrap())
        .header("x-signature", sign_body(&key_of(SOURCE), b"[]"))
        .body("[]");
    assert_eq!(send(latin1).await.status, 401);
}

/// The same batch a thousand times over 16 connections at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sent_a_thousand_times_is_stored_once() {
    let server = Arc::new(Setup::new().start().await);
    let batch = events(0..10);
    let mut workers = Vec::new();
    for worker in 0..16 {
        let (server, text) = (Arc::clone(&server), body(&batch));
        workers.push(tokio::spawn(async move {
            let mut inserted = 0;
            for turn in (worker..1000).step_by(16) {
                let answer = server.post(PATHS[turn % 2], SOURCE, text.clone()).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let answer = answer.json();
                let new = answer["inserted"].as_u64().unwrap();
                let skipped = 10 - new;
                let told = if skipped == 0 {
                    "Successfully processed 10 events".to_owned()
                } else {
                    format!("Successfully processed 10 events ({skipped} duplicates skipped)")
                };
                assert_eq!(message_of(&answer), told);
                inserted += new;
            }
            inserted
        }));
    }
    let mut inserted = 0;
    for worker in workers {
        inserted += worker.await.unwrap();
    }
    assert_eq!(inserted, 10, "the answers' counts add up to what is stored");
    let sent: Vec<String> = (0..10).map(id).collect();
    let stored = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let seen = stored(server.rows());
    assert_eq!(exactly_once(&sent, &seen), Ok(()));
    assert_eq!(server.counted().await, 10, "the counts are as if it had come once");
    // twins: the same check sees one copy more and one less
    assert!(exactly_once(&sent, &[&seen[..], &seen[..1]].concat()).is_err());
    assert!(exactly_once(&sent, &seen[1..]).is_err());
}

#[tokio::test]
async fn without_authentication_any_source_may_send_unsigned() {
    let server = Setup::without_auth().start().await;
    for path in [PATHS[0], PATHS[1]] {
        let request = server.request(Method::POST, path).header("x-source-id", SOURCE);
        assert_eq!(send(request.body(body(&[event(1)]))).await.status, 200);
    }
    let bad = server.request(Method::POST, "/ingest").header("x-source-id", "another");
    let answer = send(bad.body(body(&[event(2)]))).await;
    assert_eq!(answer.refusal(), (422, "source_mismatch".to_owned()));
}
