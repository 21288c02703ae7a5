//! `POST /events`, the live path.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::checks::no_gap_no_repeat;
use crate::harness::{Answer, SOURCE, Server, Setup, body, changed, event, events, id, key_of, send};
use crate::subscriber::Subscriber;

#[tokio::test]
async fn events_are_answered_202_without_a_body_once_they_are_stored() {
    let server = Setup::new().start().await;
    let answer = server.post("/events", SOURCE, body(&events(0..3))).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(server.rows().len(), 3);
    let single = server.post("/events", SOURCE, event(3).to_string()).await;
    assert_eq!((single.status, single.body.as_str()), (202, ""));
    assert_eq!(server.counted().await, 4);
    let again = server.post("/events", SOURCE, body(&events(0..4))).await;
    assert_eq!((again.status, again.body.as_str()), (202, ""));
    assert_eq!(server.counted().await, 4);
}

#[tokio::test]
async fn an_unknown_type_and_a_foreign_source_are_400_here() {
    let server = Setup::new().start().await;
    let unknown = body(&[event(1), changed(event(2), "type", "token_usage")]);
    let answer = server.post("/events", SOURCE, unknown).await;
    assert_eq!(answer.refusal(), (400, "invalid_event_type".to_owned()));
    assert_eq!(answer.json()["message"], "Invalid event type 'token_usage' at index 1");
    let foreign = body(&[event(1), changed(event(2), "source", "desktop")]);
    assert_eq!(server.post("/events", SOURCE, foreign).await.refusal(), (400, "source_mismatch".to_owned()));
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let server = Setup::new().start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = send(server.request(method.clone(), "/events")).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{method}");
        assert!(answer.header("allow").contains("POST"), "{method}");
    }
}

#[tokio::test]
async fn paths_near_the_right_one_are_not_found() {
    let server = Setup::new().start().await;
    for path in ["//events", "/events/", "/Events", "/functions/v1/events", "/events%2f"] {
        assert_eq!(server.post(path, SOURCE, body(&[event(1)])).await.status, 404, "{path}");
    }
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn every_new_event_is_broadcast_once_and_a_repeated_one_never() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    server.live(&events(0..3)).await;
    server.live(&events(0..3)).await;
    server.live(&[event(3), event(1), event(3), event(4)]).await;
    server.live(&[event(9)]).await;
    let seen = viewer.ids_up_to(&id(9)).await;
    let expected = [0, 1, 2, 3, 4, 9].map(id);
    assert_eq!(no_gap_no_repeat(&expected, &seen), Ok(()));
    // twins: a server that broadcast the repeats, or skipped one
    assert!(no_gap_no_repeat(&expected, &[&seen[..3], &seen[..3], &seen[3..]].concat()).is_err());
    assert!(no_gap_no_repeat(&expected, &[&seen[..2], &seen[3..]].concat()).is_err());
}

#[tokio::test]
async fn a_batch_event_is_not_broadcast_until_it_comes_live_and_then_once() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    server.ingest(&events(0..4)).await;
    server.live(&[event(5)]).await;
    server.live(&events(1..3)).await;
    server.live(&events(1..3)).await;
    server.ingest(&events(0..6)).await;
    server.live(&[event(0)]).await;
    server.live(&[event(9)]).await;
    let seen = viewer.ids_up_to(&id(9)).await;
    assert_eq!(no_gap_no_repeat(&[5, 1, 2, 0, 9].map(id), &seen), Ok(()));
    assert_eq!(server.counted().await, 7, "coming live adds no second copy");
}

#[tokio::test]
async fn what_is_broadcast_is_stored_already() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    for n in 0..20 {
        let (posted, seen) = tokio::join!(server.post("/events", SOURCE, body(&[event(n)])), viewer.frame());
        assert_eq!(posted.status, 202);
        assert_eq!(seen["id"], id(n));
        assert!(
            server.rows().iter().any(|row| row["id"] == id(n)),
            "event {n} was shown before it was stored"
        );
    }
}

/// Posts `count` events with numbers from `first`.
async fn burst(server: &Server, source: &str, first: u64, count: u64) -> Answer {
    let batch: Vec<_> = (first..first + count).map(|n| changed(event(n), "source", source)).collect();
    server.post("/events", source, body(&batch)).await
}

fn slow() -> Setup {
    Setup::new().with("VIBETEA_RATE_LIMIT_PER_SEC", "1").with("VIBETEA_RATE_LIMIT_BURST", "20")
}

#[tokio::test]
async fn a_batch_above_the_capacity_is_admitted_and_paid_off_afterwards() {
    let server = slow().start().await;
    assert_eq!(burst(&server, SOURCE, 0, 50).await.status, 202);
    let limited = burst(&server, SOURCE, 100, 1).await;
    assert_eq!(limited.refusal(), (429, "rate_limited".to_owned()));
    // 30 owed at one a second; some of it may be paid off already
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((10..=31).contains(&wait), "{wait} s");
    assert_eq!(server.rows().len(), 50, "nothing of the refused batch is stored");
    assert_eq!(burst(&server, "desktop", 200, 20).await.status, 202, "another source has its own bucket");
    assert_eq!(server.post("/ingest", SOURCE, body(&events(300..301))).await.status, 200, "batches are free");
}

#[tokio::test]
async fn the_capacity_is_spent_event_by_event() {
    let server = slow().start().await;
    for n in 0..19 {
        assert_eq!(burst(&server, SOURCE, n, 1).await.status, 202, "event {n}");
    }
    assert_eq!(burst(&server, SOURCE, 100, 30).await.status, 202, "the bucket is still positive");
    let limited = burst(&server, SOURCE, 200, 1).await;
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn a_source_is_admitted_again_after_the_time_it_was_told() {
    let server = Setup::new()
        .with("VIBETEA_RATE_LIMIT_PER_SEC", "20")
        .with("VIBETEA_RATE_LIMIT_BURST", "1")
        .start()
        .await;
    // 50 owed at 20 a second
    let started = Instant::now();
    assert_eq!(burst(&server, SOURCE, 0, 51).await.status, 202);
    let limited = burst(&server, SOURCE, 100, 1).await;
    assert_eq!(limited.status, 429);
    let told = Duration::from_secs(limited.header("retry-after").parse().unwrap());
    assert!(started.elapsed() + told > Duration::from_millis(2400), "{told:?}");
    tokio::time::sleep(told).await;
    assert_eq!(burst(&server, SOURCE, 100, 1).await.status, 202);
}

#[tokio::test]
async fn forged_requests_do_not_spend_a_sources_tokens() {
    let server = slow().start().await;
    let text = body(&events(0..50));
    for _ in 0..5 {
        let forged = server
            .request(Method::POST, "/events")
            .header("x-source-id", SOURCE)
            .header("x-signature", vibetea_protocol::signing::sign_body(&key_of("desktop"), &text))
            .body(text.clone());
        assert_eq!(send(forged).await.refusal(), (401, "invalid_signature".to_owned()));
    }
    assert_eq!(burst(&server, SOURCE, 0, 20).await.status, 202);
}

#[tokio::test]
async fn a_repeated_batch_of_mixed_ids_broadcasts_only_what_is_new() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    server.ingest(&events(0..2)).await;
    let mixed: Vec<_> = [0, 2, 1, 3, 2].map(event).into();
    server.live(&mixed).await;
    server.live(&mixed).await;
    server.live(&[event(9)]).await;
    let seen = viewer.ids_up_to(&id(9)).await;
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(no_gap_no_repeat(&[0, 1, 2, 3, 9].map(id), &sorted), Ok(()), "{seen:?}");
}

#[tokio::test]
async fn an_id_may_have_capitals_here() {
    let server = Setup::new().start().await;
    let capitals = "evt_ABCDEFGHIJ0123456789";
    server.live(&[changed(event(1), "id", capitals)]).await;
    assert_eq!(server.rows()[0]["id"], json!(capitals));
    let answer = server.post("/ingest", SOURCE, body(&[changed(event(1), "id", capitals)])).await;
    assert_eq!(answer.refusal(), (400, "invalid_event".to_owned()));
}
