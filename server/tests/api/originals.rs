//! The monitor and the dashboard that were there before this server, request by request as they send them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::checks::no_gap_no_repeat;
use crate::harness::{SOURCE, Server, Setup, TOKEN, key_of, now, send, status_of};
use crate::subscriber::open;

/// What such a monitor writes for one session: `type`, random ids, the type again in the payload, nulls.
fn transcript() -> Vec<Value> {
    let session = "6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d";
    let project = "-home-dev-shop";
    let event = |id: &str, kind: &str, payload: Value| json!({ "id": id, "source": SOURCE, "timestamp": now(), "type": kind, "payload": payload });
    vec![
        event(
            "evt_3u7pfbscvjq0rgsnh8y5",
            "session",
            json!({ "type": "session", "sessionId": session, "action": "started", "project": project }),
        ),
        event(
            "evt_k2v0mz81xw4qa7rd9c3t",
            "activity",
            json!({ "type": "activity", "sessionId": session, "project": project }),
        ),
        event(
            "evt_9qf4h1n6ylp0s8e2vb7x",
            "tool",
            json!({ "type": "tool", "sessionId": session, "tool": "Bash", "status": "started", "context": null, "project": project }),
        ),
        event(
            "evt_zz01ab92cd83ef74gh65",
            "tool",
            json!({ "type": "tool", "sessionId": session, "tool": "Read", "status": "started", "context": "auth.rs", "project": null }),
        ),
        event(
            "evt_m4t8r2w6y0k3j7h1g5f9",
            "summary",
            json!({ "type": "summary", "sessionId": session, "summary": "Session ended" }),
        ),
    ]
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// One request, byte for byte as that monitor's HTTP client writes it.
async fn monitor_posts(server: &Server, path: &str, events: &[Value]) -> (u16, String) {
    let text = serde_json::to_string(events).unwrap();
    let signature = vibetea_protocol::signing::sign_body(&key_of(SOURCE), text.as_bytes());
    let answer = server
        .raw_head(format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\nx-source-id: {SOURCE}\r\n\
             x-signature: {signature}\r\naccept: */*\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{text}",
            server.address,
            text.len()
        ))
        .await;
    (status_of(&answer), answer)
}

#[tokio::test]
async fn the_monitor_is_heard_live_and_its_batch_adds_nothing() {
    let server = Setup::new().start().await;
    let mut viewer = open(&server, &format!("/ws?token={TOKEN}"), &[]).await.unwrap();
    let events = transcript();
    for event in &events {
        let (status, answer) = monitor_posts(&server, "/events", std::slice::from_ref(event)).await;
        assert_eq!(status, 202, "{answer}");
    }
    // a minute later the same events, under the same ids, by its hosted path
    let (status, answer) = monitor_posts(&server, "/functions/v1/ingest", &events).await;
    assert_eq!(status, 200, "it takes 200, 201 and 202 only: {answer}");
    assert!(answer.contains("(5 duplicates skipped)"), "{answer}");
    let (status, _) = monitor_posts(&server, "/ingest", &events).await;
    assert_eq!(status, 200);

    let mut seen = Vec::new();
    for event in &events {
        let frame = viewer.frame().await;
        assert_eq!(frame["type"], event["type"]);
        assert_eq!(frame["source"], event["source"]);
        assert_eq!(frame["payload"]["sessionId"], event["payload"]["sessionId"]);
        seen.push(frame["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(no_gap_no_repeat(&ids(&events), &seen), Ok(()));
    assert_eq!(server.counted().await, 5);
}

#[tokio::test]
async fn a_monitor_with_the_hosted_path_first_is_still_seen_live() {
    let server = Setup::new().start().await;
    let mut viewer = open(&server, &format!("/ws?token={TOKEN}"), &[]).await.unwrap();
    let events = transcript();
    assert_eq!(monitor_posts(&server, "/functions/v1/ingest", &events).await.0, 200);
    assert_eq!(monitor_posts(&server, "/events", &events).await.0, 202);
    assert_eq!(monitor_posts(&server, "/events", &events).await.0, 202);
    let last = ids(&events).pop().unwrap();
    let mut seen = viewer.ids_up_to(&last).await;
    seen.sort();
    let mut expected = ids(&events);
    expected.sort();
    assert_eq!(no_gap_no_repeat(&expected, &seen), Ok(()));
    assert_eq!(server.counted().await, 5);
}

/// That dashboard reads these fields of a frame and throws away what lacks one.
#[tokio::test]
async fn the_dashboard_gets_frames_it_can_read_from_another_origin() {
    let server = Setup::new().start().await;
    let page = [("Origin", "http://localhost:5173"), ("User-Agent", "Mozilla/5.0")];
    let mut viewer = open(&server, &format!("/ws?token={TOKEN}"), &page).await.unwrap();
    monitor_posts(&server, "/events", &transcript()).await;
    for _ in 0..5 {
        let frame = viewer.frame().await;
        for field in ["id", "source", "timestamp", "type"] {
            assert!(frame[field].is_string(), "{field}: {frame}");
        }
        assert!(frame["payload"]["sessionId"].is_string(), "{frame}");
        assert!(frame.get("control").is_none());
    }
}

#[tokio::test]
async fn the_dashboard_reads_history_after_its_preflight() {
    let server = Setup::new().start().await;
    monitor_posts(&server, "/events", &transcript()).await;
    let origin = "http://localhost:5173";
    for days in [7, 30] {
        let path = format!("/functions/v1/query?days={days}");
        let preflight = server
            .request(Method::OPTIONS, &path)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization,content-type");
        let preflight = send(preflight).await;
        assert_eq!(preflight.status, 204);
        let allowed = preflight.header("access-control-allow-headers").to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
        let query = server
            .request(Method::GET, &path)
            .header("origin", origin)
            .header("content-type", "application/json")
            .bearer_auth(TOKEN);
        let answer = send(query).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let json = answer.json();
        assert_eq!(json["meta"]["daysRequested"], days);
        let row = &json["aggregates"][0];
        assert_eq!(row["source"], SOURCE);
        assert!(row["hour"].as_u64().is_some_and(|hour| hour < 24), "{row}");
        assert_eq!(row["date"].as_str().map(str::len), Some(10), "{row}");
        assert!(row["eventCount"].as_u64() >= Some(1), "{row}");
    }
}
