use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vibetea_protocol::Clock;

use super::*;
use crate::config::{AddressRate, Exposure, PerAddress};

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

const PLACES: usize = 4;

fn rules() -> Rules {
    let callers = Callers::new(&Exposure {
        tls: None,
        proxies: None,
        address_rate: AddressRate { per_second: 1, burst: 1, on_loopback: false },
        per_address: PerAddress { most: 1, on_loopback: false },
    });
    Rules { most_connections: PLACES, callers: Arc::new(callers), tls: None, drain: Duration::ZERO }
}

/// Whether somebody who comes to a server is answered in time when a peer at each place has sent this and stays.
async fn newcomer_is_answered(sent: &str, time: Duration) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let metrics = Arc::new(Metrics::new(&Clock::System));
    let router = Router::new()
        .route("/", get(async || "here").post(async |body: Bytes| body))
        .route("/brief", get(async || tokio::time::sleep(Duration::from_millis(200)).await))
        .route("/long", get(async || std::future::pending::<()>().await));
    let serving = tokio::spawn(serve(listener, router, rules(), Arc::clone(&metrics), stop.clone()));
    let mut peers = Vec::new();
    for _ in 0..PLACES {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(sent.as_bytes()).await.unwrap();
        peers.push(peer);
    }
    let mut newcomer = TcpStream::connect(address).await.unwrap();
    newcomer.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let answered = tokio::time::timeout(time, newcomer.read_to_string(&mut answer)).await;
    stop.cancel();
    serving.await.unwrap();
    answered.is_ok() && answer.ends_with("here")
}

#[tokio::test]
async fn peers_that_keep_the_server_waiting_make_room() {
    for sent in [
        "",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /brief HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
    ] {
        assert!(newcomer_is_answered(sent, Duration::from_secs(30)).await, "{sent:?}");
    }
    // the twin: places that are held for good starve whoever comes
    let long = "GET /long HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(!newcomer_is_answered(long, Duration::from_secs(3)).await);
}

#[test]
fn live_streams_leave_some_places_to_requests() {
    for (places, streams) in [(1, 1), (2, 1), (8, 7), (9, 7), (64, 56), (1024, 896)] {
        assert_eq!(for_streams(places), streams, "{places} places");
    }
}
