//! Requests that are to fill the memory.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use vibetea_tests::answers;
use vibetea_tests::dice::Dice;
use vibetea_tests::place::{SOURCE, TOKEN};

use super::{DEADLINE, Rig, cost, event, is_soak, narrow};

const MEBIBYTE: u64 = 1 << 20;
/// What unpacking costs at most, and what peers cost beside the room that their bodies have.
const LITTLE: u64 = 64 * MEBIBYTE;
/// The room that unverified bodies have unless it is set.
const ROOM: u64 = 64 * MEBIBYTE;
/// One byte less than is taken.
const NEARLY_ALL: usize = (4 << 20) - 1;

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
        assert!(cost(before, peak) < LITTLE, "{} MiB", cost(before, peak) / MEBIBYTE);
    }
}

/// The most memory that this process ever held.
fn own_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The twin: a process that unpacks such a body is seen.
#[test]
fn a_body_that_is_unpacked_is_seen_by_the_check() {
    let packed = bomb(128);
    let before = own_peak();
    let mut unpacked = Vec::new();
    GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked.len(), 128 << 20);
    if let (Some(before), Some(peak)) = (before, own_peak()) {
        assert!(cost(before, peak) >= LITTLE);
    }
}

/// How a body is sent that is to be kept for nothing.
#[derive(Debug, Clone, Copy)]
enum Hoard {
    /// By nobody, of unknown length.
    Anonymous,
    /// In the name of a source that there is, of unknown length.
    Chunked,
    /// In the name of a source that there is, but for the last byte.
    Announced,
}

impl Hoard {
    fn head(self) -> String {
        let known = format!("X-Source-ID: {SOURCE}\r\nX-Signature: {}\r\n", "A".repeat(88));
        let (who, length) = match self {
            Self::Anonymous => ("", format!("Transfer-Encoding: chunked\r\n\r\n{NEARLY_ALL:x}\r\n")),
            Self::Chunked => (&*known, format!("Transfer-Encoding: chunked\r\n\r\n{NEARLY_ALL:x}\r\n")),
            Self::Announced => (&*known, format!("Content-Length: {}\r\n\r\n", NEARLY_ALL + 1)),
        };
        format!("POST /ingest HTTP/1.1\r\nHost: x\r\n{who}{length}")
    }
}

/// What it costs a server that so many peers send nearly a whole body each and stay; `None` where the system does not
/// tell. Whoever is honest is served meanwhile.
async fn cost_of(hoard: Hoard, peers: usize, rig: &Rig) -> Option<u64> {
    let before = rig.server.resident_bytes();
    let body = Arc::new([hoard.head().into_bytes(), vec![b' '; NEARLY_ALL]].concat());
    let mut sending = JoinSet::new();
    for _ in 0..peers {
        let (server, body) = (rig.address(), Arc::clone(&body));
        sending.spawn(async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            // a server that has had enough answers and closes
            let _ = stream.write_all(&body).await;
            stream
        });
    }
    let mut staying = Vec::new();
    let mut number = 0;
    loop {
        let begun = Instant::now();
        let answer = tokio::task::block_in_place(|| rig.post("/ingest", &[event(number, "shop")]));
        assert_eq!(answer.status, 200, "{hoard:?}: {answer:?}");
        assert!(begun.elapsed() < DEADLINE, "{hoard:?}: {:?}", begun.elapsed());
        number += 1;
        tokio::select! {
            sent = sending.join_next() => match sent {
                Some(stream) => staying.push(stream.unwrap()),
                None => break,
            },
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
    assert_eq!(staying.len(), peers);
    Some(cost(before?, rig.server.peak_bytes()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_nobody_has_signed_yet_fill_no_more_than_their_room() {
    const PEERS: usize = 256;
    for hoard in [Hoard::Anonymous, Hoard::Chunked, Hoard::Announced] {
        let rig = Rig::start(&[]);
        let Some(cost) = cost_of(hoard, PEERS, &rig).await else { return };
        let room = if matches!(hoard, Hoard::Anonymous) { 0 } else { ROOM };
        assert!(cost < room + LITTLE, "{hoard:?}: {} MiB", cost / MEBIBYTE);
    }
    // the twin: a server that has room for all of them is seen
    let rig = Rig::start(&[("VIBETEA_MAX_UNVERIFIED_BYTES", "2147483648")]);
    let cost = cost_of(Hoard::Announced, PEERS / 4, &rig).await.unwrap();
    assert!(cost > ROOM + LITTLE, "{} MiB", cost / MEBIBYTE);
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
