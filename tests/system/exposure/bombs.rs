//! Requests that are to fill the memory.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use vibetea_tests::answers;
use vibetea_tests::dice::Dice;
use vibetea_tests::place::TOKEN;

use super::{DEADLINE, Rig, is_soak, narrow};

const MEBIBYTE: u64 = 1 << 20;

/// So many zeros, packed a thousand to one.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..mebibytes {
        packed.write_all(&zeros).unwrap();
    }
    packed.finish().unwrap()
}

#[test]
fn a_packed_body_of_a_thousand_to_one_is_refused_in_little_memory() {
    let rig = Rig::start(&[]);
    let body = bomb(512);
    assert!(body.len() < 1 << 20, "{} bytes", body.len());
    let before = rig.server.peak_bytes();
    for coding in ["gzip", "deflate", "br", "gzip, gzip"] {
        let mut headers = rig.signed_headers(&body);
        headers.push(format!("Content-Encoding: {coding}"));
        for path in ["/ingest", "/events"] {
            let answer = answers::post(rig.address(), path, &headers, &body).unwrap();
            assert!(matches!(answer.status, 400 | 413 | 415), "{answer:?}");
        }
    }
    if let (Some(before), Some(peak)) = (before, rig.server.peak_bytes()) {
        assert!(peak - before < 64 * MEBIBYTE, "{} MiB", (peak - before) / MEBIBYTE);
    }
}

/// Asks on and on and reads nothing, for as long as the server takes it.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_do_not_fill_the_memory() {
    let rig = Rig::start(&[]);
    let before = rig.server.peak_bytes();
    let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    let mut peers = JoinSet::new();
    for _ in 0..8 {
        let (requests, server) = (requests.clone(), rig.address());
        peers.spawn(async move {
            let mut stream = narrow(server).await;
            let pour = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
            // what is written no more within this time never is
            let _ = tokio::time::timeout(Duration::from_secs(10), pour).await;
        });
    }
    peers.join_all().await;
    if let (Some(before), Some(peak)) = (before, rig.server.peak_bytes()) {
        assert!(peak - before < 32 * MEBIBYTE, "{} MiB", (peak - before) / MEBIBYTE);
    }
}

/// Requests that each name another caller and another source, in one write.
fn requests(number: usize, dice: &mut Dice) -> String {
    let one = |dice: &mut Dice| {
        let address = if dice.once_in(2) {
            format!("2001:db8:{:x}:{:x}::1", dice.below(65_536), dice.below(65_536))
        } else {
            format!("198.{}.{}.{}", dice.below(256), dice.below(256), dice.below(256))
        };
        format!(
            "POST /events HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nX-Source-ID: s{}\r\n\
             X-Signature: x\r\nContent-Length: 0\r\n\r\n",
            dice.below(u64::MAX)
        )
    };
    (0..number).map(|_| one(dice)).collect()
}

async fn flood(rig: &Rig, total: usize) {
    const CONNECTIONS: usize = 8;
    const AT_ONCE: usize = 50;
    let mut senders = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (server, mut dice) = (rig.address(), Dice::from_seed(number as u64 + 1));
        senders.spawn(async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            for _ in 0..total / CONNECTIONS / AT_ONCE {
                stream.write_all(requests(AT_ONCE, &mut dice).as_bytes()).await.unwrap();
                let (mut answers, mut text) = (0, Vec::new());
                while answers < AT_ONCE {
                    let read = tokio::time::timeout(DEADLINE, stream.read_buf(&mut text));
                    assert!(read.await.expect("an answer").unwrap() > 0, "the server closed");
                    answers = String::from_utf8_lossy(&text).matches("HTTP/1.1 401").count();
                }
            }
        });
    }
    senders.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_addresses_and_sources_that_never_were_costs_less_than_ten_mebibytes() {
    let total = if is_soak() { 1_000_000 } else { 40_000 };
    let rig = Rig::start(&[("VIBETEA_BEHIND_PROXY", "loopback")]);
    // what is set aside once
    flood(&rig, 4000).await;
    let before = rig.server.resident_bytes();
    flood(&rig, total).await;
    if let (Some(before), Some(after)) = (before, rig.server.resident_bytes()) {
        let cost = after.saturating_sub(before);
        assert!(cost < 10 * MEBIBYTE, "{} KiB", cost / 1024);
    }
    let metrics = tokio::task::block_in_place(|| {
        answers::get(rig.address(), "/metrics", &answers::bearer(TOKEN)).unwrap().body
    });
    assert!(metrics.lines().count() < 500, "labels that a client may invent: {metrics}");
}
