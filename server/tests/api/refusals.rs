//! What is refused on the signed routes, and of several faults which one is told.

use reqwest::Method;
use vibetea_protocol::signing::sign_body;

use crate::harness::{SOURCE, Server, Setup, body, changed, event, key_of, send};
use crate::ingest::PATHS;

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
