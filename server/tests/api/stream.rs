//! `GET /ws`.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::checks::no_gap_no_repeat;
use crate::harness::{
    DEADLINE, SOURCE, Server, Setup, TOKEN, body, changed, event, events, eventually, id, send,
};
use crate::home::KEEPS_BYTES;
use crate::subscriber::{Subscriber, open};

const RESET: &str = r#"{"control":"reset"}"#;

/// A single-use ticket.
async fn ticket(server: &Server) -> String {
    let answer = send(server.request(Method::POST, "/api/v1/ticket").bearer_auth(TOKEN)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_frame_holds_five_fields_in_this_order() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    let sent = json!({
        "id": id(1),
        "source": SOURCE,
        "timestamp": "2026-02-03T20:00:00.5+05:30",
        "eventType": "agent",
        "payload": { "state": "started", "sessionId": "6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d" },
        "extra": "not passed on",
    });
    server.live(&[sent]).await;
    let text = viewer.text().await;
    let expected = r#"{"id":"evt_00000000000000000001","source":"laptop","timestamp":"2026-02-03T14:30:00.500Z","type":"agent","payload":{"sessionId":"6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d","state":"started"}}"#;
    if KEEPS_BYTES {
        assert_eq!(text, expected);
    }
    let json = |text| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&text), json(expected));
}

#[tokio::test]
async fn frames_are_the_same_live_and_replayed() {
    let server = Setup::new().start().await;
    let mut live = Subscriber::connect(&server, "").await;
    let payload = json!({ "project": "büro \"x\" \\ 🫖", "list": [1, 2.5, null], "text": "line\nbreak" });
    let odd = changed(event(2), "payload", payload.clone());
    let odd = changed(odd, "timestamp", "2026-02-03T14:30:00.123456Z");
    server.live(&[event(1), odd]).await;
    live.text().await;
    let first = live.text().await;
    let mut replayed = Subscriber::connect(&server, &format!("?last_event_id={}", id(1))).await;
    assert_eq!(replayed.text().await, first);
    let frame: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(frame["payload"], payload);
    assert_eq!(frame["timestamp"], "2026-02-03T14:30:00.123456Z");
}

#[tokio::test]
async fn header_query_and_ticket_let_in() {
    let server = Setup::new().start().await;
    let mut viewers = vec![
        open(&server, "/ws", &[("Authorization", &format!("Bearer {TOKEN}"))]).await.unwrap(),
        open(&server, &format!("/ws?token={TOKEN}"), &[]).await.unwrap(),
        open(&server, &format!("/ws?ticket={}", ticket(&server).await), &[]).await.unwrap(),
        open(&server, &format!("/ws?token={TOKEN}"), &[("Origin", "https://dashboard.example.org")])
            .await
            .unwrap(),
    ];
    server.live(&[event(1)]).await;
    for viewer in &mut viewers {
        assert_eq!(viewer.frame().await["id"], id(1));
    }
}

#[tokio::test]
async fn a_ticket_lets_in_once() {
    let server = Setup::new().start().await;
    let ticket = ticket(&server).await;
    let path = format!("/ws?ticket={ticket}");
    let _first = open(&server, &path, &[]).await.unwrap();
    assert_eq!(open(&server, &path, &[]).await.err().unwrap(), (401, "invalid_token".to_owned()));
    let unasked = send(server.request(Method::POST, "/api/v1/ticket")).await;
    assert_eq!(unasked.refusal(), (401, "missing_auth".to_owned()));
    let wrong = send(server.request(Method::POST, "/api/v1/ticket").bearer_auth("wrong")).await;
    assert_eq!(wrong.refusal(), (401, "invalid_token".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_with_one_ticket_one_is_let_in() {
    let server = Arc::new(Setup::new().start().await);
    let path = format!("/ws?ticket={}", ticket(&server).await);
    let mut tries = Vec::new();
    for _ in 0..16 {
        let (server, path) = (Arc::clone(&server), path.clone());
        tries.push(tokio::spawn(async move { open(&server, &path, &[]).await.is_ok() }));
    }
    let mut let_in = 0;
    for attempt in tries {
        let_in += u32::from(attempt.await.unwrap());
    }
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_401_before_the_upgrade() {
    let server = Setup::new().start().await;
    let refused = |path: String, headers: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move { open(server, &path, &headers).await.err().expect("no socket") }
    };
    assert_eq!(refused("/ws".into(), vec![]).await, (401, "missing_auth".to_owned()));
    assert_eq!(refused("/ws?source=laptop".into(), vec![]).await, (401, "missing_auth".to_owned()));
    for wrong in ["wrong", "vt_test_8c1f5e0f2b7d4a6993a", "VT_TEST_8C1F5E0F2B7D4A6993AB"] {
        assert_eq!(refused(format!("/ws?token={wrong}"), vec![]).await, (401, "invalid_token".to_owned()));
        assert_eq!(refused(format!("/ws?ticket={wrong}"), vec![]).await, (401, "invalid_token".to_owned()));
    }
    for wrong in ["Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz"] {
        assert_eq!(
            refused("/ws".into(), vec![("Authorization", wrong)]).await,
            (401, "invalid_token".to_owned())
        );
    }
    let empty = refused("/ws?token=".into(), vec![]).await;
    assert_eq!(empty.0, 401);
    assert_eq!(server.get("/health").await.json()["connections"], 0);
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_is_refused() {
    let server = Setup::new().start().await;
    let plain = server.view("/ws").await;
    assert!((400..500).contains(&plain.status) && plain.status != 401, "{plain:?}");
    plain.error();
    let posted = send(server.request(Method::POST, "/ws").bearer_auth(TOKEN)).await;
    assert_eq!(posted.refusal(), (405, "method_not_allowed".to_owned()));
}

/// Events of two sources, three types and two projects; the last one fits every filter of the test.
fn mixed() -> Vec<(&'static str, Value)> {
    let made = |n, source: &'static str, kind: &str, project: Option<&str>| {
        let payload = project.map_or_else(|| json!({ "sessionId": "s" }), |name| json!({ "project": name }));
        let event = changed(changed(event(n), "source", source), "type", kind);
        (source, changed(event, "payload", payload))
    };
    vec![
        made(1, SOURCE, "tool", Some("shop")),
        made(2, SOURCE, "error", None),
        made(3, "desktop", "tool", Some("shop")),
        made(4, SOURCE, "tool", Some("bakery")),
        made(5, "desktop", "session", Some("shop")),
        made(6, SOURCE, "session", Some("shop")),
        made(7, SOURCE, "tool", Some("Shop")),
        made(9, SOURCE, "tool", Some("shop")),
    ]
}

const FILTERS: [(&str, &[u64]); 8] = [
    ("", &[1, 2, 3, 4, 5, 6, 7, 9]),
    ("source=laptop", &[1, 2, 4, 6, 7, 9]),
    ("type=tool", &[1, 3, 4, 7, 9]),
    ("project=shop", &[1, 3, 5, 6, 9]),
    ("source=laptop&type=tool", &[1, 4, 7, 9]),
    ("source=laptop&project=shop", &[1, 6, 9]),
    ("type=tool&project=shop", &[1, 3, 9]),
    ("project=shop&type=tool&source=laptop", &[1, 9]),
];

#[tokio::test]
async fn filters_hold_for_live_events_and_for_replayed_ones() {
    let server = Setup::new().start().await;
    let mut first = Subscriber::connect(&server, "").await;
    server.live(&[event(0)]).await;
    first.ids_up_to(&id(0)).await;
    let mut live = Vec::new();
    for (query, _) in FILTERS {
        live.push(Subscriber::connect(&server, &format!("?{query}")).await);
    }
    for (source, event) in mixed() {
        assert_eq!(server.post("/events", source, body(&[event])).await.status, 202);
    }
    for ((query, expected), mut viewer) in FILTERS.into_iter().zip(live) {
        let expected: Vec<String> = expected.iter().copied().map(id).collect();
        assert_eq!(no_gap_no_repeat(&expected, &viewer.ids_up_to(&id(9)).await), Ok(()), "live {query}");
        let resumed = format!("?last_event_id={}&{query}", id(0));
        let mut viewer = Subscriber::connect(&server, &resumed).await;
        assert_eq!(no_gap_no_repeat(&expected, &viewer.ids_up_to(&id(9)).await), Ok(()), "replayed {query}");
    }
}

#[tokio::test]
async fn an_unknown_type_in_the_filter_is_refused() {
    let server = Setup::new().start().await;
    let refusal = open(&server, &format!("/ws?token={TOKEN}&type=unknown"), &[]).await.err().unwrap();
    assert_eq!(refusal, (400, "invalid_request".to_owned()));
    let refusal = open(&server, "/ws?token=wrong&type=unknown", &[]).await.err().unwrap();
    assert_eq!(refusal.0, 401, "who may not watch learns nothing");
}

#[tokio::test]
async fn resuming_from_any_event_gives_what_came_after_it() {
    let server = Setup::new().start().await;
    server.live(&events(0..10)).await;
    server.ingest(&events(100..110)).await;
    server.live(&events(10..20)).await;
    for last in 0..20 {
        let mut viewer = Subscriber::connect(&server, &format!("?last_event_id={}", id(last))).await;
        let sentinel = 1000 + last;
        server.live(&[event(sentinel)]).await;
        let after = (last + 1..20).chain(1000..=sentinel);
        let expected: Vec<String> = after.map(id).collect();
        let seen = viewer.ids_up_to(&id(sentinel)).await;
        assert_eq!(no_gap_no_repeat(&expected, &seen), Ok(()), "after event {last}");
    }
}

#[tokio::test]
async fn an_event_that_came_live_late_is_replayed_at_that_place() {
    let server = Setup::new().start().await;
    server.ingest(&events(5..7)).await;
    server.live(&events(0..3)).await;
    server.live(&events(5..7)).await;
    server.live(&[event(9)]).await;
    let mut viewer = Subscriber::connect(&server, &format!("?last_event_id={}", id(0))).await;
    let seen = viewer.ids_up_to(&id(9)).await;
    assert_eq!(no_gap_no_repeat(&[1, 2, 5, 6, 9].map(id), &seen), Ok(()));
}

#[tokio::test]
async fn an_unknown_position_begins_with_a_reset_and_goes_on_live() {
    let server = Setup::new().start().await;
    server.live(&events(0..3)).await;
    server.ingest(&[event(7)]).await;
    for (n, unknown) in [id(500), "nonsense".to_owned(), "evt_".to_owned(), id(7)].into_iter().enumerate() {
        let mut viewer = Subscriber::connect(&server, &format!("?last_event_id={unknown}")).await;
        assert_eq!(viewer.text().await, RESET, "{unknown}");
        let next = 100 + n as u64;
        server.live(&[event(next)]).await;
        assert_eq!(viewer.frame().await["id"], id(next));
    }
}

#[tokio::test]
async fn a_position_outlives_the_server() {
    let server = Setup::new().start().await;
    server.live(&events(0..5)).await;
    let home = server.home();
    server.stop().await;
    let server = Setup::at(home).start().await;
    server.live(&events(5..8)).await;
    let mut viewer = Subscriber::connect(&server, &format!("?last_event_id={}", id(1))).await;
    let expected: Vec<String> = (2..8).map(id).collect();
    assert_eq!(no_gap_no_repeat(&expected, &viewer.ids_up_to(&id(7)).await), Ok(()));
}

/// A client that is cut again and again while events come in, and resumes from the last one it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_is_cut_again_and_again_misses_nothing_and_sees_nothing_twice() {
    const EVENTS: u64 = 1500;
    let server = Arc::new(Setup::new().start().await);
    server.live(&[event(0)]).await;
    let poster = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            let mut next = 1;
            while next < EVENTS {
                let end = (next + 1 + next % 13).min(EVENTS);
                server.live(&events(next..end)).await;
                next = end;
            }
        }
    });
    let mut seen = vec![id(0)];
    let mut cuts = 0;
    while *seen.last().unwrap() != id(EVENTS - 1) {
        let query = format!("?last_event_id={}", seen.last().unwrap());
        let mut viewer = Subscriber::connect(&server, &query).await;
        for _ in 0..=(cuts * 7) % 40 {
            if *seen.last().unwrap() == id(EVENTS - 1) {
                break;
            }
            seen.push(viewer.frame().await["id"].as_str().unwrap_or("reset").to_owned());
        }
        cuts += 1;
    }
    poster.await.unwrap();
    assert!(cuts > 20, "{cuts} cuts");
    let expected: Vec<String> = (0..EVENTS).map(id).collect();
    assert_eq!(no_gap_no_repeat(&expected, &seen), Ok(()));
    // twins: a resume that is one short, and one that is one too far
    assert!(no_gap_no_repeat(&expected, &[&seen[..700], &seen[699..]].concat()).is_err());
    assert!(no_gap_no_repeat(&expected, &[&seen[..700], &seen[701..]].concat()).is_err());
}

/// A reader that stops reading while more comes than any buffer holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_falls_behind_is_caught_up() {
    const EVENTS: u64 = 24_000;
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    server.live(&[event(0)]).await;
    let mut seen = viewer.ids_up_to(&id(0)).await;
    let padding = "x".repeat(600);
    for first in (1..EVENTS).step_by(1000) {
        let batch: Vec<Value> = (first..(first + 1000).min(EVENTS))
            .map(|n| changed(event(n), "payload", json!({ "sessionId": "s", "padding": padding })))
            .collect();
        server.live(&batch).await;
    }
    // a server may close on a reader that takes nothing for long; then the reader resumes
    while *seen.last().unwrap() != id(EVENTS - 1) {
        match viewer.message().await {
            Some(Message::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                seen.push(frame["id"].as_str().unwrap_or("reset").to_owned());
            }
            _ => {
                viewer =
                    Subscriber::connect(&server, &format!("?last_event_id={}", seen.last().unwrap())).await;
            }
        }
    }
    let expected: Vec<String> = (0..EVENTS).map(id).collect();
    assert_eq!(no_gap_no_repeat(&expected, &seen), Ok(()));
}

#[tokio::test]
async fn the_number_of_viewers_goes_up_and_down() {
    let server = Setup::new().start().await;
    let server = &server;
    let count = |expected: u64| {
        eventually("the number of viewers", move || async move {
            (server.get("/health").await.json()["connections"] == expected).then_some(())
        })
    };
    let first = Subscriber::connect(server, "").await;
    let second = Subscriber::connect(server, "").await;
    count(2).await;
    drop(first);
    count(1).await;
    drop(second);
    count(0).await;
}

#[tokio::test]
async fn too_large_a_message_ends_the_socket_and_nothing_else() {
    let server = Setup::new().start().await;
    let mut honest = Subscriber::connect(&server, "").await;
    for message in [Message::text("x".repeat(1024 * 1024)), Message::binary(vec![0; 1024 * 1024])] {
        let mut viewer = Subscriber::connect(&server, "").await;
        // the server may close before all of it is written
        let _ = viewer.send(message).await;
        let frame = viewer.close_frame().await;
        assert!(frame.is_none_or(|frame| u16::from(frame.code) == 1009));
    }
    server.live(&[event(1)]).await;
    assert_eq!(honest.frame().await["id"], id(1));
}

#[tokio::test]
async fn small_messages_of_a_viewer_do_no_harm() {
    let server = Setup::new().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    viewer.send(Message::text("{}")).await.unwrap();
    viewer.send(Message::Ping(b"hello".to_vec().into())).await.unwrap();
    server.live(&[event(1)]).await;
    assert_eq!(viewer.frame().await["id"], id(1));
}

#[tokio::test]
async fn a_viewer_that_leaves_in_the_middle_of_a_batch_costs_nothing() {
    let server = Setup::new().start().await;
    for round in 0..20 {
        let viewer = Subscriber::connect(&server, "").await;
        let first = round * 100;
        let batch = events(first..first + 100);
        let post = server.live(&batch);
        drop(viewer);
        post.await;
    }
    assert_eq!(server.rows().len(), 2000);
    assert!(tokio::time::timeout(DEADLINE, server.get("/health")).await.is_ok());
}
