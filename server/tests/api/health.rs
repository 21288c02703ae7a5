//! `/health`, `/livez`, `/readyz`, `/metrics`.

use reqwest::Method;

use crate::harness::{SOURCE, Setup, TOKEN, body, changed, event, events, send};
use crate::subscriber::Subscriber;

#[tokio::test]
async fn health_tells_status_viewers_and_age_without_a_token() {
    let server = Setup::new().start().await;
    let _viewer = Subscriber::connect(&server, "").await;
    let answer = server.get("/health").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["connections", "status", "uptime_seconds"]);
    assert_eq!(json["status"], "ok");
    assert_eq!(json["connections"], 1);
    assert!(json["uptime_seconds"].as_u64().is_some_and(|seconds| seconds < 60), "{json}");
}

#[tokio::test]
async fn a_running_server_lives_and_is_ready() {
    let server = Setup::new().start().await;
    for path in ["/livez", "/readyz"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
}

#[tokio::test]
async fn probes_take_no_other_method() {
    let server = Setup::new().start().await;
    for path in ["/health", "/livez", "/readyz", "/metrics"] {
        let answer = send(server.request(Method::POST, path)).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{path}");
        assert!(answer.header("allow").contains("GET"), "{path}");
        let head = send(server.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text_with_our_prefix_and_without_secrets() {
    let server = Setup::new().start().await;
    server.ingest(&events(0..7)).await;
    server.ingest(&events(0..7)).await;
    server.live(&events(10..13)).await;
    server.post("/ingest", SOURCE, body(&[changed(event(99), "type", "unknown")])).await;
    server.get("/query?token=wrong-secret-in-a-query").await;
    server.get_with("/query", "Bearer wrong-secret-in-a-header").await;
    server.view("/query").await;
    server.get("/a/path/nobody/made?secret=path-secret").await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").to_owned();
    assert!(kind.starts_with("text/plain") || kind.starts_with("application/openmetrics-text"), "{kind}");
    let mut samples = 0;
    for line in answer.body.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        assert!(line.starts_with("vibetea_"), "{line}");
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        samples += 1;
    }
    assert!(samples > 10, "{}", answer.body);
    for secret in [TOKEN, "wrong-secret-in-a-query", "wrong-secret-in-a-header", "nobody", "path-secret"] {
        assert!(!answer.body.contains(secret), "{secret} stands in the metrics");
    }
}

#[tokio::test]
async fn a_lost_database_is_told_by_readiness_and_answered_503() {
    let server = Setup::new().start().await;
    server.ingest(&[event(1)]).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    let held = server.home().hold();
    let answer = server.post("/ingest", SOURCE, body(&[event(2)])).await;
    assert_ne!(answer.status, 200, "an event was answered although nothing could be written");
    assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{answer:?}");
    let live = server.post("/events", SOURCE, body(&[event(3)])).await;
    assert_eq!(live.refusal(), (503, "unavailable".to_owned()));
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status, 503, "{ready:?}");
    assert!(!ready.body.is_empty(), "it says why");
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get("/health").await.status, 200);
    assert_eq!(server.counted().await, 1, "reading goes on");
    drop(held);
    let server = &server;
    crate::harness::eventually("writing goes on", || async move {
        (server.post("/ingest", SOURCE, body(&[event(2)])).await.status == 200).then_some(())
    })
    .await;
    crate::harness::eventually("readiness comes back", || async move {
        (server.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(server.post("/events", SOURCE, body(&[event(3)])).await.status, 202);
    assert_eq!(server.counted().await, 3);
}
