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
async fn metrics_ask_for_a_token_of_their_own_where_one_is_set() {
    let secret = "scrapers-token-0123456789";
    let server = Setup::new().with("VIBETEA_METRICS_TOKEN", secret).start().await;
    assert_eq!(server.get("/metrics").await.refusal(), (401, "missing_auth".to_owned()));
    for wrong in ["Bearer wrong", &format!("Bearer {TOKEN}"), &format!("Basic {secret}")] {
        let answer = server.get_with("/metrics", wrong).await;
        assert_eq!(answer.refusal(), (401, "invalid_token".to_owned()), "{wrong}");
    }
    let told = server.get_with("/metrics", &format!("Bearer {secret}")).await;
    assert_eq!(told.status, 200);
    assert!(told.body.contains("vibetea_http_refusals_total{code=\"invalid_token\"} 3\n"), "{}", told.body);
    // it opens nothing else
    assert_eq!(server.get_with("/query", &format!("Bearer {secret}")).await.status, 401);
    let setup = Setup::new().with("VIBETEA_METRICS_TOKEN", "two words");
    let error = setup.load().unwrap_err().to_string();
    assert!(error.contains("VIBETEA_METRICS_TOKEN") && !error.contains("two words"), "{error}");
}

#[tokio::test]
async fn metrics_tell_what_the_store_holds_and_whether_it_can_be_written() {
    let server = Setup::new().start().await;
    server.ingest(&events(0..7)).await;
    let told = server.get("/metrics").await.body;
    for line in [
        "vibetea_store_writable 1",
        "vibetea_store_sources 1",
        "vibetea_store_write_duration_seconds_count 1",
    ] {
        assert!(told.lines().any(|own| own == line), "{line}: {told}");
    }
    let by_type =
        told.lines().filter_map(|line| line.strip_prefix("vibetea_store_events{")?.rsplit(' ').next());
    assert_eq!(by_type.map(|count| count.parse::<u64>().unwrap()).sum::<u64>(), 7);
    let held = server.home().hold();
    crate::harness::eventually("the figures tell that nothing can be written", || async {
        server.get("/metrics").await.body.contains("\nvibetea_store_writable 0\n").then_some(())
    })
    .await;
    drop(held);
    let relay = Setup::relay().start().await;
    assert!(!relay.get("/metrics").await.body.contains("vibetea_store_writable"));
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
