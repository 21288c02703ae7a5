//! Stopping, and what is there after a new start.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use vibetea_protocol::signing::sign_body;

use crate::harness::{
    DEADLINE, SOURCE, Setup, body, event, events, eventually, key_of, read_to_close, status_of,
};
use crate::subscriber::Subscriber;

#[tokio::test(flavor = "multi_thread")]
async fn every_viewer_is_told_that_the_server_goes() {
    let server = Setup::new().with("VIBETEA_MAX_STREAMS_PER_TOKEN", "200").start().await;
    let mut viewers = Vec::new();
    for _ in 0..200 {
        viewers.push(Subscriber::connect(&server, "").await);
    }
    let begun = Instant::now();
    server.ask_to_stop();
    for viewer in &mut viewers {
        let frame = viewer.close_frame().await.expect("a close frame, not a bare end");
        assert_eq!(u16::from(frame.code), 1001);
    }
    server.stop().await;
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn viewers_get_what_was_answered_before_the_stop() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    server.live(&events(0..50)).await;
    server.ask_to_stop();
    let seen = viewer.ids_up_to(&crate::harness::id(49)).await;
    assert_eq!(seen.len(), 50);
    assert_eq!(viewer.close_frame().await.map(|frame| u16::from(frame.code)), Some(1001));
}

#[tokio::test]
async fn a_stopped_server_is_gone_from_its_port() {
    let server = Setup::new().start().await;
    let address = server.address;
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_or_not_stored() {
    let server = Setup::new().start().await;
    let text = body(&events(0..100));
    let head = format!(
        "POST /ingest HTTP/1.1\r\nHost: {}\r\nX-Source-ID: {SOURCE}\r\nX-Signature: {}\r\nContent-Length: {}\r\n\r\n",
        server.address,
        sign_body(&key_of(SOURCE), &text),
        text.len()
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&text[..1000]).await.unwrap();
    // a full round trip on another connection: the half request has been taken up
    assert_eq!(server.get("/health").await.status, 200);
    server.ask_to_stop();
    let address = server.address;
    eventually("new connections are refused", || async move {
        TcpStream::connect(address).await.is_err().then_some(())
    })
    .await;
    let _ = stream.write_all(&text[1000..]).await;
    let answer = read_to_close(&mut stream).await;
    let home = server.home();
    server.stop().await;
    let server = Setup::at(home).start().await;
    let stored = server.rows().len();
    assert_eq!(status_of(&answer), 200, "a request that was under way is ended: {answer}");
    assert_eq!(stored, 100, "what was answered is stored");
}

#[tokio::test]
async fn an_upload_that_never_ends_does_not_hold_the_server() {
    let server = Setup::new().start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /ingest HTTP/1.1\r\nHost: x\r\nX-Source-ID: {SOURCE}\r\nX-Signature: {}\r\nContent-Length: 1000\r\n\r\n[",
        sign_body(&key_of(SOURCE), b"[")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(server.get("/health").await.status, 200);
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_new_start_and_still_counts_once() {
    let server = Setup::new().start().await;
    server.ingest(&events(0..20)).await;
    server.live(&events(20..30)).await;
    let home = server.home();
    server.stop().await;
    let server = Setup::at(home).start().await;
    assert_eq!(server.counted().await, 30);
    let mut viewer = Subscriber::connect(&server, "").await;
    assert_eq!(server.ingest(&events(0..31)).await["inserted"], 1);
    server.live(&events(20..30)).await;
    server.live(&[event(99)]).await;
    assert_eq!(viewer.frame().await["id"], crate::harness::id(99), "what was broadcast before is not again");
    assert_eq!(server.counted().await, 32);
}
