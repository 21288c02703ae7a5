//! `VIBETEA_DATABASE_URL=none`: live events pass through, nothing is kept. The history routes answer 404, which is
//! what tells a monitor to keep its history to itself; a 503 would have it try for ever.

use crate::checks::no_gap_no_repeat;
use crate::harness::{SOURCE, Setup, body, changed, event, events, id};
use crate::subscriber::Subscriber;

#[tokio::test]
async fn a_relay_has_no_history() {
    let server = Setup::relay().start().await;
    for path in ["/ingest", "/functions/v1/ingest"] {
        let answer = server.post(path, SOURCE, body(&[event(1)])).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
        assert_eq!(server.get(path).await.status, 405);
        assert_eq!(
            server.post(path, "stranger", body(&[event(1)])).await.status,
            401,
            "asked first who it is"
        );
    }
    for path in ["/query", "/functions/v1/query"] {
        assert_eq!(server.view(path).await.refusal(), (404, "not_found".to_owned()));
        assert_eq!(server.get(path).await.refusal(), (401, "missing_auth".to_owned()));
        assert_eq!(server.view(&format!("{path}?days=14")).await.refusal(), (400, "invalid_days".to_owned()));
    }
    assert!(!server.home().file().exists(), "a relay makes no database");
    assert_eq!(server.get("/health").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200, "a relay is ready without a store");
}

#[tokio::test]
async fn the_live_path_works_and_repeats_are_not_broadcast() {
    let server = Setup::relay().start().await;
    let mut viewer = Subscriber::connect(&server, "").await;
    let mut filtered = Subscriber::connect(&server, "?type=error").await;
    server.live(&events(0..3)).await;
    server.live(&events(0..3)).await;
    server.live(&[event(3), event(3), changed(event(9), "type", "error")]).await;
    assert_eq!(no_gap_no_repeat(&[0, 1, 2, 3, 9].map(id), &viewer.ids_up_to(&id(9)).await), Ok(()));
    assert_eq!(no_gap_no_repeat(&[9].map(id), &filtered.ids_up_to(&id(9)).await), Ok(()));
    let bad = server.post("/events", SOURCE, body(&[event(10), changed(event(11), "type", "unknown")])).await;
    assert_eq!(bad.refusal(), (400, "invalid_event_type".to_owned()));
}

#[tokio::test]
async fn a_viewer_resumes_from_what_the_relay_remembers() {
    let server = Setup::relay().start().await;
    server.live(&events(0..5)).await;
    let mut viewer = Subscriber::connect(&server, &format!("?last_event_id={}", id(1))).await;
    server.live(&[event(9)]).await;
    assert_eq!(no_gap_no_repeat(&[2, 3, 4, 9].map(id), &viewer.ids_up_to(&id(9)).await), Ok(()));
    let mut unknown = Subscriber::connect(&server, &format!("?last_event_id={}", id(77))).await;
    assert_eq!(unknown.text().await, r#"{"control":"reset"}"#);
    server.live(&[event(10)]).await;
    assert_eq!(unknown.frame().await["id"], id(10));
}
