//! Peers that take their time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use vibetea_protocol::signing::sign_body;
use vibetea_tests::answers;
use vibetea_tests::place::SOURCE;

use super::{Rig, event, is_soak, narrow};

/// How long a head, and how long a body, may take; a little more for a busy machine.
const HEAD: Duration = Duration::from_secs(20);
const BODY: Duration = Duration::from_secs(45);
/// What nine of ten honest requests stay below, whose commits a busy disk holds up.
const SOON: Duration = Duration::from_secs(2);

/// What a peer is sent that reads nothing has to fill its way first, which takes a busy machine a while.
const LONG_AFTER: Duration = Duration::from_mins(3);

/// Opens so many connections that each begin with these bytes and then say nothing, or one more byte each second;
/// answers the longest that one stayed open, or `None` where one was open beyond `longest`.
async fn longest_open(
    server: SocketAddr,
    number: usize,
    begin: &str,
    drip: bool,
    longest: Duration,
) -> Option<Duration> {
    let mut peers = JoinSet::new();
    for _ in 0..number {
        let begin = begin.to_owned();
        // one after the other: the system holds back what comes all at once, and then nobody knows when it was taken
        let mut stream = TcpStream::connect(server).await.unwrap();
        let opened = Instant::now();
        peers.spawn(async move {
            let mut answer = Vec::new();
            let closed = async {
                // a server that has had enough may have closed before it reads this
                let _ = stream.write_all(begin.as_bytes()).await;
                if drip {
                    let (mut reading, mut writing) = stream.into_split();
                    let dripping = tokio::spawn(async move {
                        while writing.write_all(b"a").await.is_ok() {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                        }
                    });
                    let _ = reading.read_to_end(&mut answer).await;
                    dripping.abort();
                } else {
                    let _ = stream.read_to_end(&mut answer).await;
                }
            };
            tokio::time::timeout(longest, closed).await.ok().map(|()| opened.elapsed())
        });
    }
    let mut most = Duration::ZERO;
    while let Some(open) = peers.join_next().await {
        most = most.max(open.unwrap()?);
    }
    Some(most)
}

/// How long honest requests took, sorted, as long as `busy` goes on.
async fn honest_times(rig: &Rig, busy: impl Future<Output = ()>) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut number = 0;
    let mut busy = std::pin::pin!(busy);
    loop {
        let begun = Instant::now();
        let answer = tokio::task::block_in_place(|| {
            if number % 2 == 0 {
                answers::get(rig.address(), "/livez", &[]).unwrap()
            } else {
                rig.post("/ingest", &[event(number, "shop")])
            }
        });
        assert_eq!(answer.status, 200, "{answer:?}");
        times.push(begun.elapsed());
        number += 1;
        tokio::select! {
            () = &mut busy => break,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_peers_are_closed_in_time_and_honest_ones_do_not_feel_them() {
    let each = if is_soak() { 500 } else { 50 };
    let rig = Rig::start(&[("VIBETEA_MAX_CONNECTIONS", "4096")]);
    let server = rig.address();
    let signature = sign_body(&rig.key, b"[]");
    let body = format!(
        "POST /ingest HTTP/1.1\r\nHost: x\r\nX-Source-ID: {SOURCE}\r\nX-Signature: {signature}\r\n\
         Content-Length: 1000\r\n\r\n["
    );
    // large answers, and nobody who reads them
    let unread = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000);
    let attack = async {
        let (silent, partial, slow_head, slow_body, ()) = tokio::join!(
            longest_open(server, each, "", false, HEAD),
            longest_open(server, each, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow", false, HEAD),
            longest_open(server, each, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", true, HEAD),
            longest_open(server, each, &body, true, BODY),
            unread_answers(server, each / 10, &unread)
        );
        assert!(silent.is_some(), "a silent peer was kept");
        assert!(partial.is_some(), "half a head was kept");
        assert!(slow_head.is_some(), "a slow head was kept");
        assert!(slow_body.is_some(), "a slow body was kept");
    };
    let times = honest_times(&rig, attack).await;
    let percent = if is_soak() { 99 } else { 90 };
    let time = times[times.len() * percent / 100];
    assert!(time < SOON, "p{percent} of {} requests is {time:?}", times.len());
}

/// More than the server has places for, of the cheapest kind: a head, and a byte of the body each second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_bodies_at_every_place_do_not_keep_honest_peers_out() {
    const PEERS: usize = 1200;
    let rig = Rig::start(&[]);
    let body = format!(
        "POST /ingest HTTP/1.1\r\nHost: x\r\nX-Source-ID: {SOURCE}\r\nX-Signature: x\r\nContent-Length: 1000\r\n\r\n["
    );
    let attack = async {
        let peers = longest_open(rig.address(), PEERS, &body, true, BODY);
        // while they stay, and while they come
        let _ = tokio::time::timeout(Duration::from_secs(10), peers).await;
    };
    let times = honest_times(&rig, attack).await;
    let (slow, slowest) = (times[times.len() * 9 / 10], times[times.len() - 1]);
    assert!(slow < SOON, "p90 of {} requests is {slow:?}", times.len());
    assert!(slowest < HEAD, "{slowest:?}");
    let figures = tokio::task::block_in_place(|| answers::get(rig.address(), "/metrics", &[]).unwrap().body);
    assert!(!figures.contains("vibetea_http_connections_evicted_total 0\n"), "there were places for all");
}

/// Peers that ask much and read nothing are cut off too: at some point they can write no more.
async fn unread_answers(server: SocketAddr, number: usize, requests: &str) {
    let mut peers = JoinSet::new();
    for _ in 0..number {
        let requests = requests.to_owned();
        peers.spawn(async move {
            let mut stream = narrow(server).await;
            let pour = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
            tokio::time::timeout(LONG_AFTER, pour).await.is_ok()
        });
    }
    while let Some(cut) = peers.join_next().await {
        assert!(cut.unwrap(), "a peer that reads nothing was kept");
    }
}

/// The twin: a server that waits for ever is seen by the same check.
#[tokio::test]
async fn a_server_without_deadlines_is_seen_by_the_check() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let patient = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    assert_eq!(longest_open(server, 3, "GET / HTTP/1.1\r\n", true, Duration::from_secs(3)).await, None);
    patient.abort();
}
