//! Viewers whose sockets are against the protocol, as many and as much as they like.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use super::{Rig, cost, event, upgraded};

/// A message that is too large is refused at once; a little more for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);
/// Pings are answered as long as somebody takes the pongs, or the system does.
const FLOOD: Duration = Duration::from_secs(10);
const MOST: u64 = 16 << 20;
const EACH: usize = 16;

/// Sends the first bytes and then the others on and on; whether the server closed within this time.
async fn is_closed(server: SocketAddr, first: Vec<u8>, more: Vec<u8>, within: Duration) -> bool {
    let mut stream = upgraded(server).await;
    let pour = async {
        let mut taken = stream.write_all(&first).await.is_ok();
        while taken {
            taken = stream.write_all(&more).await.is_ok();
        }
    };
    tokio::time::timeout(within, pour).await.is_ok()
}

/// A frame of this first byte, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_fragments_and_large_frames_are_closed_and_with_floods_of_pings_cost_little() {
    let rig = Rig::start(&[]);
    let before = rig.server.resident_bytes();
    let fragments = (frame(0x02, &[b'x'; 125]), frame(0x00, &[b'x'; 125]).repeat(1000));
    let a_mebibyte = ([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0].to_vec(), vec![b'x'; 1 << 20]);
    let pings = (Vec::new(), frame(0x89, &[b'x'; 100]).repeat(1000));
    let mut peers = JoinSet::new();
    for (what, (first, more), within) in [
        ("fragments", fragments, CLOSED_WITHIN),
        ("a mebibyte", a_mebibyte, CLOSED_WITHIN),
        ("pings", pings, FLOOD),
    ] {
        for _ in 0..EACH {
            let (server, first, more) = (rig.address(), first.clone(), more.clone());
            peers.spawn(async move { (what, is_closed(server, first, more, within).await) });
        }
    }
    let answer = tokio::task::block_in_place(|| rig.post("/ingest", &[event(1, "shop")]));
    assert_eq!(answer.status, 200, "{answer:?}");
    for (what, closed) in peers.join_all().await {
        // the twin: pings are no fault, and the check sees a socket that stays
        assert_eq!(closed, what != "pings", "{what}");
    }
    if let (Some(before), Some(peak)) = (before, rig.server.peak_bytes()) {
        assert!(cost(before, peak) < MOST, "{} MiB", cost(before, peak) >> 20);
    }
}
