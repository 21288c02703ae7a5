//! Viewers that do not read, and viewers that are no longer there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::place::TOKEN;
use vibetea_tests::socket::Viewer;
use vibetea_tests::wait::until_so;

use super::{DEADLINE, Rig, cost, event, is_soak, upgraded};

/// A server gives up a viewer that takes nothing for this long.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// And a busy one.
const CLOSED_WITHIN: Duration = Duration::from_secs(25);
/// A viewer that is gone without a word is given up within this.
const GONE_WITHIN: Duration = Duration::from_secs(62);
/// How many are gone, and how many stay.
const EACH: u64 = 500;

/// Descriptors that come and go with requests and readers of the store.
const FEW: u64 = 16;

fn descriptors(rig: &Rig) -> u64 {
    std::fs::read_dir(format!("/proc/{}/fd", rig.server.id())).unwrap().count() as u64
}

/// Large events, so that few of them fill every buffer on the way.
fn large(first: u64, number: u64) -> Vec<Value> {
    let padding = "x".repeat(15_000);
    (first..first + number)
        .map(|number| {
            let mut event = event(number, "shop");
            event["payload"]["padding"] = padding.as_str().into();
            event
        })
        .collect()
}

/// What a server went through.
struct Course {
    /// Memory beyond that before the first event, in bytes; `None` where the system does not tell.
    grown: Option<u64>,
    /// How long after its making an event was with the viewer that reads, for half of them.
    delay: Duration,
}

/// Whether no more than so many streams are served within this time.
fn is_left(streams: impl Fn() -> Option<u64>, left: u64, within: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < within {
        if streams() == Some(left) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Twenty batches of large events for one viewer that reads and for some that do not.
async fn course(mute: usize) -> Course {
    const BATCHES: u64 = 20;
    const BATCH: u64 = 64;
    let rig = Rig::start(&[("VIBETEA_MAX_STREAMS_PER_TOKEN", "1000")]);
    let mut viewer = Viewer::open(rig.address(), TOKEN, "").await;
    let reading = tokio::spawn(async move {
        let mut delays = Vec::new();
        for _ in 0..BATCHES * BATCH {
            let frame = viewer.next(DEADLINE).await;
            let made: Timestamp = serde_json::from_value(frame["timestamp"].clone()).unwrap();
            delays.push(Duration::from_micros(Clock::System.now().since(made).unsigned_abs()));
        }
        delays.sort_unstable();
        (delays[delays.len() / 2], viewer)
    });
    let mut kept = Vec::new();
    for _ in 0..mute {
        kept.push(upgraded(rig.address()).await);
    }
    let before = rig.server.resident_bytes();
    tokio::task::block_in_place(|| {
        for batch in 0..BATCHES {
            let answer = rig.post("/events", &large(batch * BATCH, BATCH));
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        assert!(is_left(|| rig.streams(), 1, CLOSED_WITHIN), "who does not read is given up");
    });
    // who reads misses nothing
    let (delay, _viewer) = reading.await.unwrap();
    let grown = before.zip(rig.server.peak_bytes()).map(|(before, peak)| cost(before, peak));
    Course { grown, delay }
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_never_read_are_closed_and_cost_little() {
    let mute: usize = if is_soak() { 200 } else { 20 };
    let (alone, among) = (course(0).await, course(mute).await);
    if let (Some(alone), Some(among)) = (alone.grown, among.grown) {
        // a mebibyte each, and what two runs of a server differ in anyway
        let most = (mute as u64 + 8) << 20;
        assert!(among.saturating_sub(alone) < most, "{} KiB, not {} KiB", among >> 10, alone >> 10);
    }
    // whoever waited for one that does not read would wait ten seconds
    let most = alone.delay * 2 + Duration::from_secs(2);
    assert!(among.delay < most, "{:?}, not {:?}", among.delay, alone.delay);
}

/// A server with a planted bug: it waits for whoever does not read as long as they like. Answers how many it serves.
async fn patient() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, served) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&served);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                counter.fetch_add(1, Ordering::Relaxed);
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let frame = Message::text("x".repeat(15_000));
                while socket.send(frame.clone()).await.is_ok() {}
                counter.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    (address, served)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_gives_nobody_up_is_seen_by_the_check() {
    let (address, served) = patient().await;
    let _kept = (upgraded(address).await, upgraded(address).await);
    let streams = || Some(served.load(Ordering::Relaxed));
    let longer = GIVEN_UP_AFTER + Duration::from_secs(2);
    assert!(!tokio::task::block_in_place(|| is_left(streams, 0, longer)));
    assert_eq!(streams(), Some(2));
}

/// Takes a minute, so it is left to the long form.
#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_are_gone_without_a_word_are_given_up_within_a_minute() {
    if !is_soak() {
        eprintln!("skipped: it takes a minute, `cargo xtask soak` runs it");
        return;
    }
    let rig = Rig::start(&[("VIBETEA_MAX_CONNECTIONS", "2048"), ("VIBETEA_MAX_STREAMS_PER_TOKEN", "2048")]);
    let before = descriptors(&rig);
    let mut living = JoinSet::new();
    let mut dead = Vec::new();
    for _ in 0..EACH {
        let mut viewer = Viewer::open(rig.address(), TOKEN, "").await;
        // reading answers the server's pings
        living.spawn(async move { viewer.next_text().await.is_some() });
        dead.push(upgraded(rig.address()).await);
    }
    let begun = Instant::now();
    tokio::task::block_in_place(|| {
        assert_eq!(rig.streams(), Some(2 * EACH));
        assert!(descriptors(&rig) >= before + 2 * EACH, "the check sees what is held");
        until_so(GONE_WITHIN, "the dead are given up", || rig.streams() == Some(EACH));
        assert!(begun.elapsed() > Duration::from_secs(20), "nobody is given up at once");
        // theirs are still open, ours are not
        let held = descriptors(&rig);
        assert!(held <= before + EACH + FEW, "{held} descriptors, {before} before");
        // the twin: the living, who answer, are still there much later
        std::thread::sleep(GONE_WITHIN);
        assert_eq!(rig.streams(), Some(EACH));
    });
    assert_eq!(living.len(), usize::try_from(EACH).unwrap());
    living.abort_all();
    drop(dead);
    tokio::task::block_in_place(|| {
        until_so(DEADLINE, "all descriptors come back", || descriptors(&rig) <= before + FEW);
    });
}
