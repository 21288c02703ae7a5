//! `POST /ingest`, also `/functions/v1/ingest`: what is stored, once, and what is said of it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use vibetea_protocol::signing::sign_body;

use crate::checks::exactly_once;
use crate::harness::{SOURCE, Setup, body, changed, event, events, id, key_of, send};

pub(crate) const PATHS: [&str; 2] = ["/ingest", "/functions/v1/ingest"];

fn message_of(answer: &Value) -> &str {
    answer["message"].as_str().unwrap()
}

#[tokio::test]
async fn both_paths_answer_with_count_and_sentence() {
    let server = Setup::new().start().await;
    for (path, at) in PATHS.into_iter().zip([0, 10]) {
        let answer = server.post(path, SOURCE, body(&events(at..at + 3))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.body, @r#"{"inserted":3,"message":"Successfully processed 3 events"}"#);
        }
    }
    assert_eq!(server.counted().await, 6);
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let server = Setup::new().start().await;
    for (at, kind) in
        ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", ""]
            .into_iter()
            .enumerate()
    {
        let text = body(&[event(at as u64)]);
        let request = server
            .request(Method::POST, "/ingest")
            .header("x-source-id", SOURCE)
            .header("x-signature", sign_body(&key_of(SOURCE), &text));
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        assert_eq!(send(request.body(text)).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn duplicates_are_counted_and_no_error() {
    let server = Setup::new().start().await;
    server.ingest(&events(0..3)).await;
    let again = server.ingest(&events(1..5)).await;
    assert_eq!(again["inserted"], 2);
    assert_eq!(message_of(&again), "Successfully processed 4 events (2 duplicates skipped)");
    let within = server.ingest(&[event(9), event(9), event(9)]).await;
    assert_eq!(within["inserted"], 1);
    assert_eq!(message_of(&within), "Successfully processed 3 events (2 duplicates skipped)");
    let all = server.ingest(&events(0..5)).await;
    assert_eq!(all["inserted"], 0);
    assert_eq!(message_of(&all), "Successfully processed 5 events (5 duplicates skipped)");
    assert_eq!(server.counted().await, 6);
}

#[tokio::test]
async fn the_first_of_two_payloads_with_one_id_stays() {
    let server = Setup::new().start().await;
    server.ingest(&[changed(event(1), "payload", json!({ "n": 1 }))]).await;
    server.ingest(&[changed(event(1), "payload", json!({ "n": 2 }))]).await;
    let other = changed(changed(event(1), "source", "desktop"), "payload", json!({ "n": 3 }));
    assert_eq!(server.post("/ingest", "desktop", body(&[other])).await.json()["inserted"], 0);
    let rows = server.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["payload"], json!({ "n": 1 }));
    assert_eq!(rows[0]["source"], SOURCE);
}

#[tokio::test]
async fn one_bad_event_among_good_ones_stores_nothing() {
    let server = Setup::new().start().await;
    for at in [0, 1, 500, 999] {
        let mut batch = events(0..1000);
        batch[at] = changed(batch[at].clone(), "type", "unknown");
        let answer = server.post("/ingest", SOURCE, body(&batch)).await;
        assert_eq!(answer.refusal(), (422, "invalid_event_type".to_owned()));
        assert_eq!(message_of(&answer.json()), format!("Invalid event type 'unknown' at index {at}"));
    }
    assert_eq!(server.rows().len(), 0);
    assert_eq!(server.ingest(&events(0..1000)).await["inserted"], 1000);
    assert_eq!(server.rows().len(), 1000);
}

/// The same batch a thousand times over 16 connections at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sent_a_thousand_times_is_stored_once() {
    let server = Arc::new(Setup::new().start().await);
    let batch = events(0..10);
    let mut workers = Vec::new();
    for worker in 0..16 {
        let (server, text) = (Arc::clone(&server), body(&batch));
        workers.push(tokio::spawn(async move {
            let mut inserted = 0;
            for turn in (worker..1000).step_by(16) {
                let answer = server.post(PATHS[turn % 2], SOURCE, text.clone()).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let answer = answer.json();
                let new = answer["inserted"].as_u64().unwrap();
                let skipped = 10 - new;
                let told = if skipped == 0 {
                    "Successfully processed 10 events".to_owned()
                } else {
                    format!("Successfully processed 10 events ({skipped} duplicates skipped)")
                };
                assert_eq!(message_of(&answer), told);
                inserted += new;
            }
            inserted
        }));
    }
    let mut inserted = 0;
    for worker in workers {
        inserted += worker.await.unwrap();
    }
    assert_eq!(inserted, 10, "the answers' counts add up to what is stored");
    let sent: Vec<String> = (0..10).map(id).collect();
    let stored = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let seen = stored(server.rows());
    assert_eq!(exactly_once(&sent, &seen), Ok(()));
    assert_eq!(server.counted().await, 10, "the counts are as if it had come once");
    // twins: the same check sees one copy more and one less
    assert!(exactly_once(&sent, &[&seen[..], &seen[..1]].concat()).is_err());
    assert!(exactly_once(&sent, &seen[1..]).is_err());
}
