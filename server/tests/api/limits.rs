//! Sizes, slowness and numbers: what one peer may cost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vibetea_protocol::signing::sign_body;

use crate::harness::{
    DEADLINE, SOURCE, Server, Setup, TOKEN, body, event, eventually, key_of, read_to_close, send, status_of,
    try_send,
};
use crate::scope::token;
use crate::subscriber::{Subscriber, open};

const ROUTES: [(&str, usize); 3] =
    [("/ingest", 4 * 1024 * 1024), ("/functions/v1/ingest", 4 * 1024 * 1024), ("/events", 1024 * 1024)];

/// What two systems hold of a connection between two programs, at most.
const BETWEEN: usize = 16 * 1024 * 1024;

/// The head of a signed request over `text`, with this header about its length.
fn head(server: &Server, path: &str, text: &[u8], length: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nX-Source-ID: {SOURCE}\r\nX-Signature: {}\r\n{length}\r\n\r\n",
        server.address,
        sign_body(&key_of(SOURCE), text)
    )
}

/// One event in a body of exactly this many bytes.
fn padded(n: u64, length: usize) -> Vec<u8> {
    let mut text = body(&[event(n)]);
    text.resize(length, b' ');
    text
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let server = Setup::new().start().await;
    for (n, (path, limit)) in ROUTES.into_iter().enumerate() {
        let taken = server.post(path, SOURCE, padded(n as u64, limit)).await;
        assert!(taken.status < 300, "{path} {taken:?}");
        let refused = server.post(path, SOURCE, padded(100, limit + 1)).await;
        assert_eq!(refused.refusal(), (413, "payload_too_large".to_owned()), "{path}");
    }
    assert_eq!(server.rows().len(), 3);
}

#[tokio::test]
async fn the_limit_of_the_batch_route_can_be_set() {
    let server = Setup::new().with("VIBETEA_MAX_BODY_BYTES", "4096").start().await;
    assert_eq!(server.post("/ingest", SOURCE, padded(1, 4096)).await.status, 200);
    assert_eq!(server.post("/ingest", SOURCE, padded(2, 4097)).await.status, 413);
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body_is_sent() {
    let server = Setup::new().start().await;
    for (path, limit) in ROUTES {
        for length in [(limit + 1).to_string(), "999999999999".to_owned()] {
            let answer =
                server.raw_head(head(&server, path, b"", &format!("Content-Length: {length}"))).await;
            assert_eq!(status_of(&answer), 413, "{path} {length}: {answer}");
            assert!(answer.contains("payload_too_large"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_too_much_gets_none() {
    let server = Setup::new().start().await;
    let text = padded(1, 1024 * 1024 + 1);
    let length = format!("Expect: 100-continue\r\nContent-Length: {}", text.len());
    let answer = server.raw_head(head(&server, "/events", &text, &length)).await;
    assert_eq!(status_of(&answer), 413, "{answer}");
    let small = body(&[event(1)]);
    let length = format!("Expect: 100-continue\r\nContent-Length: {}", small.len());
    let answer = server.raw_head(head(&server, "/events", &small, &length)).await;
    assert_eq!(status_of(&answer), 100, "{answer}");
}

#[tokio::test]
async fn chunks_without_an_end_are_cut_at_the_limit() {
    let server = Setup::new().start().await;
    for (path, limit) in ROUTES {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head(&server, path, b"", "Transfer-Encoding: chunked").as_bytes()).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 65536], b"\r\n"].concat();
        let poured = Cell::new(0);
        let pour = async {
            while writing.write_all(&chunk).await.is_ok() {
                poured.set(poured.get() + 65536);
            }
        };
        let mut answer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), reading.read(&mut answer));
        let read = tokio::select! {
            biased;
            read = read => read.unwrap().unwrap(),
            () = pour => panic!("{path}: closed before it answered"),
        };
        let text = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert_eq!(status_of(&text), 413, "{path} after {} bytes: {text}", poured.get());
        // the limit, what the system keeps on the way, and what is thrown away until the answer is seen
        assert!(poured.get() < limit + BETWEEN, "{path}: {} bytes", poured.get());
    }
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn chunks_within_the_limit_are_taken() {
    let server = Setup::new().start().await;
    let text = body(&[event(1)]);
    let mut request =
        head(&server, "/ingest", &text, "Transfer-Encoding: chunked\r\nConnection: close").into_bytes();
    for piece in text.chunks(7) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = server.raw(request).await;
    assert_eq!(status_of(&answer), 200, "{answer}");
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let server = Setup::new().start().await;
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x8b, 0x8e, 5, 0, 0x29, 0xbb, 0x4c, 0x0d, 2, 0, 0, 0];
    let request = server.signed("/ingest", SOURCE, packed).header("content-encoding", "gzip");
    let answer = send(request).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_head_beyond_bounds_is_refused() {
    let server = Setup::new().start().await;
    let long = "x".repeat(200_000);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /health HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: y\r\n".repeat(5000)),
    ] {
        let status = status_of(&server.raw(request).await);
        assert!([0, 400, 414, 431].contains(&status), "{status}");
    }
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn nonsense_instead_of_http_ends_the_connection() {
    let server = Setup::new().start().await;
    for nonsense in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
        b"\0".repeat(500),
        b"GET\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n".to_vec(),
        b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_vec(),
    ] {
        let answer = server.raw(nonsense).await;
        assert!([0, 400, 505].contains(&status_of(&answer)), "{answer}");
    }
    assert_eq!(server.get("/health").await.status, 200);
}

/// A second request hidden in the body of the first must not be read as one.
#[tokio::test]
async fn a_request_with_two_lengths_is_not_read_twice() {
    let server = Setup::new().start().await;
    let hidden = format!("GET /health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    let request = format!(
        "POST /ingest HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        server.address,
        5 + hidden.len()
    );
    let answer = server.raw(request).await;
    // either the first is refused as unreadable, or its chunked body ends it and the connection is closed
    assert!(!answer.contains("uptime_seconds") || status_of(&answer) == 401, "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up() {
    let server = Setup::new().start().await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut partial = TcpStream::connect(server.address).await.unwrap();
    partial.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow").await.unwrap();
    let mut dripping = TcpStream::connect(server.address).await.unwrap();
    let drip = async {
        let head = b"GET /health HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a'));
        for byte in head {
            if dripping.write_all(&[*byte]).await.is_err() || begun.elapsed() > Duration::from_secs(30) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        read_to_close(&mut dripping).await
    };
    let (silent, partial, dripping) =
        tokio::join!(read_to_close(&mut silent), read_to_close(&mut partial), drip);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    for answer in [silent, partial, dripping] {
        assert!([0, 408].contains(&status_of(&answer)), "{answer}");
    }
}

#[tokio::test]
async fn connections_that_do_nothing_leave_room_for_those_that_do() {
    let server = Setup::new().with("VIBETEA_MAX_CONNECTIONS", "8").start().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").await;
        idle.push(stream);
    }
    let server = &server;
    eventually("an honest request is answered", || async move {
        (try_send(server.request(reqwest::Method::GET, "/health")).await?.as_u16() == 200).then_some(())
    })
    .await;
    assert_eq!(server.post("/ingest", SOURCE, body(&[event(1)])).await.status, 200);
    drop(idle);
}

#[tokio::test]
async fn bodies_that_do_not_come_leave_room_for_those_that_do() {
    let server = Setup::new().with("VIBETEA_MAX_CONNECTIONS", "8").start().await;
    let mut dripping = Vec::new();
    for number in 0..40 {
        let length = ["Content-Length: 1000", "Transfer-Encoding: chunked"][number % 2];
        let begin = head(&server, ["/ingest", "/events"][number / 2 % 2], b"", length);
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(begin.as_bytes()).await;
        let _ = stream.write_all(b"1\r\n[").await;
        dripping.push(stream);
    }
    let begun = Instant::now();
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.post("/ingest", SOURCE, body(&[event(1)])).await.status, 200);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    assert!(!server.get("/metrics").await.body.contains("vibetea_http_connections_evicted_total 0\n"));
    drop(dripping);
}

async fn stream(server: &Server, token: &str) -> Result<Subscriber, (u16, String)> {
    open(server, "/ws", &[("Authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test]
async fn sockets_leave_room_for_requests() {
    let server = Setup::new().with("VIBETEA_MAX_CONNECTIONS", "8").start().await;
    let mut sockets = Vec::new();
    for _ in 0..7 {
        sockets.push(stream(&server, TOKEN).await.unwrap());
    }
    assert_eq!(stream(&server, TOKEN).await.err(), Some((503, "unavailable".to_owned())));
    for number in 0..20 {
        let begun = Instant::now();
        assert_eq!(server.post("/events", SOURCE, body(&[event(number)])).await.status, 202);
        assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    }
    assert!(server.get("/metrics").await.body.contains("vibetea_ws_refused_total 1\n"));
    assert_eq!(sockets[0].frame().await["id"], crate::harness::id(0));
    sockets.pop();
    let server = &server;
    eventually("a socket that ended leaves room", || async move { stream(server, TOKEN).await.ok() }).await;
}

#[tokio::test]
async fn a_token_holds_no_more_sockets_than_it_may_and_no_other_feels_it() {
    let server = Setup::new().with("VIBETEA_MAX_STREAMS_PER_TOKEN", "3").start().await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(stream(&server, TOKEN).await.unwrap());
    }
    assert_eq!(stream(&server, TOKEN).await.err(), Some((429, "rate_limited".to_owned())));
    // a ticket is good for what its token is good for
    let asked = server.request(reqwest::Method::POST, "/api/v1/ticket").bearer_auth(TOKEN);
    let ticket = send(asked).await.json()["ticket"].as_str().unwrap().to_owned();
    let refused = open(&server, &format!("/ws?ticket={ticket}"), &[]).await.err();
    assert_eq!(refused, Some((429, "rate_limited".to_owned())));
    // the twin: who has another token is let in
    let other = token(&server, "other", None, false).await;
    let _other = stream(&server, &other).await.unwrap();
    sockets.pop();
    let server = &server;
    eventually("a socket that ended leaves room", || async move { stream(server, TOKEN).await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_leaves_at_any_byte_costs_nothing() {
    let server = Setup::new().start().await;
    let text = body(&[event(1)]);
    let request =
        [head(&server, "/ingest", &text, &format!("Content-Length: {}", text.len())).as_bytes(), &text]
            .concat();
    for cut in (0..request.len()).step_by(3) {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&request[..cut]).await.unwrap();
    }
    assert_eq!(server.rows().len(), 0, "a batch that did not arrive whole is not stored");
    assert_eq!(server.post("/ingest", SOURCE, text).await.json()["inserted"], 1);
    let metrics = server.get("/metrics").await.body;
    assert!(!metrics.contains("status=\"500\""), "{metrics}");
}
