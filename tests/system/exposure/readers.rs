//! Viewers that do not read, and viewers that are no longer there.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;
use vibetea_tests::place::TOKEN;
use vibetea_tests::socket::Viewer;
use vibetea_tests::wait::until_so;

use super::{DEADLINE, Rig, event, is_soak, upgraded};

/// A server gives up a viewer that takes nothing for this long.
const CLOSED_WITHIN: Duration = Duration::from_secs(15);
/// A viewer that is gone without a word is given up within this.
const GONE_WITHIN: Duration = Duration::from_secs(62);
/// How many are gone, and how many stay.
const EACH: u64 = 500;

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

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_never_read_are_closed_and_cost_little() {
    const BATCHES: u64 = 20;
    const BATCH: u64 = 64;
    let mute: usize = if is_soak() { 200 } else { 20 };
    let rig = Rig::start(&[]);
    let mut honest = Viewer::open(rig.address(), TOKEN, "").await;
    let honest = tokio::spawn(async move {
        let mut seen = 0;
        while seen < BATCHES * BATCH {
            honest.next(DEADLINE).await;
            seen += 1;
        }
        (seen, honest)
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
        let stalled = Instant::now();
        until_so(DEADLINE, "who does not read is given up", || rig.streams() == Some(1));
        assert!(stalled.elapsed() < CLOSED_WITHIN, "{:?}", stalled.elapsed());
    });
    let (seen, _honest) = honest.await.unwrap();
    assert_eq!(seen, BATCHES * BATCH, "who reads misses nothing");
    if let (Some(before), Some(peak)) = (before, rig.server.peak_bytes()) {
        // what the newest events and the batches under way take, whoever watches
        let most = (mute as u64 + 64) << 20;
        assert!(peak.saturating_sub(before) < most, "{} MiB for {mute}", peak.saturating_sub(before) >> 20);
    }
    drop(kept);
}

/// The twin: who reads is not given up by the same server in the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_reads_is_not_given_up() {
    let rig = Rig::start(&[]);
    let mut honest = Viewer::open(rig.address(), TOKEN, "").await;
    tokio::task::block_in_place(|| rig.post("/events", &large(0, 64)));
    for _ in 0..64 {
        honest.next(DEADLINE).await;
    }
    assert_eq!(tokio::task::block_in_place(|| rig.streams()), Some(1));
}

/// Takes a minute, so it is left to the long form.
#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_are_gone_without_a_word_are_given_up_within_a_minute() {
    if !is_soak() {
        eprintln!("skipped: it takes a minute, `cargo xtask soak` runs it");
        return;
    }
    let rig = Rig::start(&[("VIBETEA_MAX_CONNECTIONS", "2048")]);
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
        until_so(GONE_WITHIN, "the dead are given up", || rig.streams() == Some(EACH));
        assert!(begun.elapsed() > Duration::from_secs(20), "nobody is given up at once");
        // the twin: the living, who answer, are still there much later
        std::thread::sleep(GONE_WITHIN);
        assert_eq!(rig.streams(), Some(EACH));
    });
    assert_eq!(living.len(), usize::try_from(EACH).unwrap());
    living.abort_all();
}
