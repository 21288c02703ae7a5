use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use tokio::io::AsyncWriteExt as _;

use super::*;

const ASKED: usize = 5000;

/// How many requests of a peer that reads no answer are handled.
async fn handled(protocol: &http1::Builder) -> usize {
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let handled = AtomicUsize::new(0);
    let service = service_fn(|_: Request<Incoming>| {
        handled.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Response::new(Body::from("x".repeat(1000)))) }
    });
    let connection = protocol.serve_connection(TokioIo::new(ours), service);
    let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(ASKED);
    tokio::select! {
        _ = connection => {}
        // a peer that can write no more has done what it can
        _ = tokio::time::timeout(Duration::from_secs(5), theirs.write_all(requests.as_bytes())) => {}
    }
    handled.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn answers_that_nobody_reads_are_not_piled_up() {
    let few = handled(&protocol(HEAD_DEADLINE)).await;
    assert!(few < 50, "{few} answers");
    // the twin: a protocol that flushes late is seen
    let many = handled(protocol(HEAD_DEADLINE).pipeline_flush(true)).await;
    assert!(many > ASKED / 2, "{many} answers");
}
