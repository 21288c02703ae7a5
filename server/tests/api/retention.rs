//! `VIBETEA_RETENTION`: a server that forgets what is old enough while it serves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vibetea_protocol::Timestamp;

use crate::harness::{Server, Setup, changed, event, events, id, now};
use crate::home::Home;

const OLD: u64 = 4000;
const ANCIENT: u64 = 10;
const YOUNG: u64 = 300;
const DAY_MICROS: i64 = 86_400_000_000;

/// Events of so many days ago.
fn aged(numbers: std::ops::Range<u64>, days: i64) -> Vec<Value> {
    let then = Timestamp::from_micros(now().as_micros() - days * DAY_MICROS).unwrap();
    numbers.map(|number| changed(event(number), "timestamp", json!(then))).collect()
}

/// A store with events of 50, 40 and 20 days ago, and one of now.
async fn filled() -> Arc<Home> {
    let server = Setup::new().start().await;
    for first in (0..OLD).step_by(1000) {
        server.ingest(&aged(first..first + 1000, 40)).await;
    }
    server.ingest(&aged(9000..9000 + ANCIENT, 50)).await;
    server.ingest(&aged(10_000..10_000 + YOUNG - 1, 20)).await;
    // what is old is so beside the newest event, not by the clock alone
    server.ingest(&events(10_000 + YOUNG - 1..10_000 + YOUNG)).await;
    let home = server.home();
    server.stop().await;
    home
}

/// A server that looks soon for what is old enough.
async fn start(home: &Arc<Home>, retention: &str) -> Server {
    let setup = Setup::at(Arc::clone(home)).with("VIBETEA_RETENTION", retention);
    let mut config = setup.load().unwrap();
    config.upkeep.first_round = Duration::from_millis(50);
    setup.try_start_as(config).await.unwrap()
}

async fn metric(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().parse().unwrap_or_default()
}

/// Of all that is stored, in their order.
fn ids(server: &Server) -> Vec<String> {
    let mut ids: Vec<String> =
        server.rows().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

async fn total(server: &Server) -> u64 {
    server.view("/api/v1/totals").await.json()["events"].as_u64().unwrap()
}

/// Sends for as long as it takes until so many are forgotten; answers how many events came meanwhile.
async fn sends_until_gone(server: &Server, gone: u64) -> u64 {
    let mut next = 20_000;
    while metric(server, "vibetea_forgotten_events_total").await < gone {
        assert_eq!(server.ingest(&events(next..next + 20)).await["inserted"], 20);
        next += 20;
    }
    next - 20_000
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_enough_goes_while_events_come_and_everything_else_stays_and_is_counted() {
    let home = filled().await;
    let server = start(&home, "31d").await;
    let deadline = crate::harness::DEADLINE;
    let sending = tokio::time::timeout(deadline, sends_until_gone(&server, OLD + ANCIENT));
    let came = sending.await.expect("what is old goes");
    let expected: Vec<String> = (10_000..10_000 + YOUNG).chain(20_000..20_000 + came).map(id).collect();
    assert_eq!(ids(&server), expected);
    assert_eq!(total(&server).await, YOUNG + came);
    assert_eq!(metric(&server, "vibetea_retention_failures_total").await, 0);
    // and what is gone is not brought back by who sends it again
    assert_eq!(server.ingest(&aged(0..100, 40)).await["inserted"], 0);
    assert_eq!(total(&server).await, YOUNG + came);
    // nor by a start without a look
    server.stop().await;
    let server = Setup::at(home).start().await;
    assert_eq!(total(&server).await, YOUNG + came);
}

/// The twin: where events stay longer, the same look leaves them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_old_enough_stays() {
    let home = filled().await;
    let server = start(&home, "45d").await;
    let sending = tokio::time::timeout(crate::harness::DEADLINE, sends_until_gone(&server, ANCIENT));
    let came = sending.await.expect("what is ancient goes");
    assert_eq!(ids(&server).len() as u64, OLD + YOUNG + came);
    assert_eq!(total(&server).await, OLD + YOUNG + came);
}
