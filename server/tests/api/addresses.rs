//! What one address may ask and hold, whoever asks from there. The tests are proxies on this machine: the callers they
//! name are in `X-Forwarded-For`.

use std::ops::RangeInclusive;
use std::time::Instant;

use reqwest::{Method, RequestBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{
    Answer, SOURCE, Server, Setup, TOKEN, body, event, eventually, send, status_of, try_send,
};
use crate::routes::routes;
use crate::subscriber::{Subscriber, open};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Documentation addresses, so nobody's.
const LOUD: &str = "203.0.113.7";
const QUIET: &str = "203.0.113.8";

/// So many requests at once, and one more each second.
fn limited(burst: u32) -> Setup {
    Setup::new()
        .with("VIBETEA_ADDRESS_RATE_LIMIT_PER_SEC", "1")
        .with("VIBETEA_ADDRESS_RATE_LIMIT_BURST", burst.to_string())
}

fn behind_proxy(burst: u32) -> Setup {
    limited(burst).with("VIBETEA_BEHIND_PROXY", "loopback")
}

fn from(request: RequestBuilder, address: &str) -> RequestBuilder {
    request.header(FORWARDED_FOR, address)
}

async fn ask(server: &Server, address: &str) -> Answer {
    send(from(server.request(Method::GET, "/query").bearer_auth(TOKEN), address)).await
}

/// Asks until the address is refused; the refusal, and how often it was answered.
async fn exhaust(server: &Server, address: &str) -> (Answer, u64) {
    for asked in 0..1000 {
        let answer = ask(server, address).await;
        if answer.status == 429 {
            return (answer, asked);
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    panic!("nobody stops the asking");
}

/// How many requests a bucket that lets `burst` through has let through since then.
fn let_through(burst: u64, since: Instant) -> RangeInclusive<u64> {
    burst..=burst + since.elapsed().as_secs() + 1
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_and_no_other_does() {
    let server = behind_proxy(10).start().await;
    let since = Instant::now();
    let (answer, asked) = exhaust(&server, LOUD).await;
    assert!(let_through(10, since).contains(&asked), "{asked} requests");
    assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("access-control-allow-origin"), "*", "a page elsewhere may know why");
    let other = send(from(server.request(Method::GET, "/query").bearer_auth(TOKEN), QUIET)).await;
    assert_eq!(other.status, 200);
    assert!(server.get("/metrics").await.body.contains("vibetea_address_limited_total"));
}

/// Whether an address that has asked too often is refused with this request, by its path and perhaps its `Host`.
async fn is_limited(server: &Server, path: &str, host: Option<&str>) -> bool {
    let mut statuses = Vec::new();
    // a bucket of one a second may hold one again
    for _ in 0..3 {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let request = from(server.request(method, path), LOUD);
            let request = request.header("origin", "https://evil.example");
            let request = request.header("access-control-request-method", "GET");
            let request = host.into_iter().fold(request, |request, host| request.header("host", host));
            statuses.push(send(request).await.status);
        }
    }
    statuses.iter().filter(|status| **status == 429).count() > statuses.len() / 2
}

#[tokio::test]
async fn all_routes_count_but_those_that_ask_for_life() {
    let own =
        |setup: Setup| setup.with("VIBETEA_ALLOWED_HOSTS", "127.0.0.1").with("VIBETEA_CORS_ORIGINS", "*");
    let server = own(behind_proxy(5)).start().await;
    exhaust(&server, LOUD).await;
    for path in routes() {
        let is_of_life = matches!(path.as_str(), "/health" | "/livez");
        assert_eq!(is_limited(&server, &path, None).await, !is_of_life, "{path}");
    }
    for (path, host) in
        [("/nothing", None), ("/nothing", Some("evil.example")), ("/query", Some("evil.example"))]
    {
        assert!(is_limited(&server, path, host).await, "{path} of {host:?}");
    }
    // the twin: a server without a limit answers on and on
    let server = own(Setup::new()).start().await;
    for (path, host) in [("/nothing", None), ("/query", Some("evil.example"))] {
        assert!(!is_limited(&server, path, host).await, "{path} of {host:?}");
    }
}

/// Before its signature is looked at, and before its body has come.
#[tokio::test]
async fn who_is_over_the_limit_is_told_before_it_has_sent_its_body() {
    let server = behind_proxy(5).start().await;
    exhaust(&server, LOUD).await;
    for path in ["/events", "/ingest"] {
        let good = send(from(server.signed(path, SOURCE, body(&[event(1)])), LOUD)).await;
        assert_eq!(good.refusal(), (429, "rate_limited".to_owned()), "{path}");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {LOUD}\r\nX-Source-ID: {SOURCE}\r\nX-Signature: x\r\n\
             Content-Length: 100000\r\n\r\n",
            server.address
        );
        assert_eq!(status_of(&server.raw_head(head).await), 429, "{path}");
    }
    assert!(server.rows().is_empty());
    let taken = send(from(server.signed("/ingest", SOURCE, body(&[event(1)])), QUIET)).await;
    assert_eq!(taken.status, 200);
}

#[tokio::test]
async fn who_guesses_is_refused_ten_times_as_soon() {
    let server = behind_proxy(50).start().await;
    let guesses = async |address: &str, guess: &dyn Fn() -> RequestBuilder| {
        let (mut guesses, since) = (0, Instant::now());
        while send(from(guess(), address)).await.status == 401 {
            guesses += 1;
            assert!(guesses < 100, "nobody stops the guessing");
        }
        // ten times as soon: five at once, and one in ten seconds
        assert!((5..=6 + since.elapsed().as_secs() / 10).contains(&guesses), "{guesses}");
    };
    let token = || server.request(Method::GET, "/query").bearer_auth("a guess");
    let ticket = || server.request(Method::GET, "/ws?ticket=a-guess");
    let signature = || server.signed("/events", SOURCE, "[]").header("x-signature", "a guess").body("[ ]");
    guesses("198.51.100.1", &token).await;
    guesses("198.51.100.2", &ticket).await;
    guesses("198.51.100.3", &signature).await;
    assert!(exhaust(&server, QUIET).await.1 >= 50, "who does not guess pays nothing for it");
}

/// How many of forty requests are answered that each claim another caller, by a peer that is trusted or is not.
async fn answered_by_claims(proxies: &str) -> u64 {
    let server = limited(5).with("VIBETEA_BEHIND_PROXY", proxies).start().await;
    let mut answered = 0;
    for number in 0..40 {
        let address = format!("203.0.113.{number}");
        let request = server.request(Method::GET, "/query").bearer_auth(TOKEN);
        let answer = send(from(request, &address).header("x-forwarded-proto", "https")).await;
        answered += u64::from(answer.status == 200);
    }
    answered
}

#[tokio::test]
async fn a_forged_address_from_an_untrusted_peer_changes_nothing() {
    let since = Instant::now();
    let answered = answered_by_claims("10.0.0.5").await;
    assert!(let_through(5, since).contains(&answered), "{answered} requests");
    // the twin: where the peer is trusted, the same claims do change something
    assert_eq!(answered_by_claims("loopback").await, 40);
}

#[tokio::test]
async fn this_machine_is_not_limited_unless_the_limit_is_set() {
    let server = Setup::new().start().await;
    for _ in 0..2100 {
        assert_ne!(
            try_send(server.request(Method::GET, "/livez")).await.map(|status| status.as_u16()),
            Some(429)
        );
    }
    for _ in 0..1000 {
        assert_eq!(ask(&server, "not believed").await.status, 200);
    }
}

async fn stream(server: &Server, address: &str) -> Result<Subscriber, (u16, String)> {
    let token = format!("Bearer {TOKEN}");
    open(server, "/ws", &[("Authorization", &token), (FORWARDED_FOR, address)]).await
}

#[tokio::test]
async fn a_caller_behind_a_proxy_holds_no_more_streams_than_it_may() {
    let setup = Setup::new().with("VIBETEA_BEHIND_PROXY", "loopback");
    let server = setup.with("VIBETEA_MAX_CONNECTIONS_PER_ADDRESS", "3").start().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(stream(&server, LOUD).await.unwrap());
    }
    assert_eq!(stream(&server, LOUD).await.err(), Some((429, "rate_limited".to_owned())));
    let _other = stream(&server, QUIET).await.unwrap();
    streams.pop();
    let server = &server;
    eventually("a stream that ended leaves room", || async move { stream(server, LOUD).await.ok() }).await;
}

/// Whether a connection that asks nothing is left open for a moment, and answered when it asks.
async fn is_served(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok();
    asked && stream.read(&mut [0; 256]).await.is_ok_and(|length| length > 0)
}

#[tokio::test]
async fn an_address_holds_no_more_connections_than_it_may() {
    let server = Setup::new().with("VIBETEA_MAX_CONNECTIONS_PER_ADDRESS", "3").start().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut connection = TcpStream::connect(server.address).await.unwrap();
        assert!(is_served(&mut connection).await);
        held.push(connection);
    }
    let mut fourth = TcpStream::connect(server.address).await.unwrap();
    assert!(!is_served(&mut fourth).await);
    held.pop();
    let address = server.address;
    eventually("a connection that ended leaves room", || async move {
        is_served(&mut TcpStream::connect(address).await.ok()?).await.then_some(())
    })
    .await;
}
