//! The dashboard at `/`, unknown paths, and the headers every answer carries.

use reqwest::Method;

use crate::harness::{Answer, SOURCE, Server, Setup, body, event, send};

/// The page, or none, with a word, where the dashboard was not built before the server.
async fn page(server: &Server) -> Option<Answer> {
    let answer = server.get("/").await;
    assert_eq!(answer.status, 200);
    if answer.body.starts_with("This server was built without its dashboard.") {
        eprintln!("skipped: the dashboard was not built");
        return None;
    }
    Some(answer)
}

#[tokio::test]
async fn the_dashboard_is_html_without_inline_script() {
    let server = Setup::new().start().await;
    let Some(answer) = page(&server).await else { return };
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
    assert!(answer.body.contains("VibeTea"));
    for opening in answer.body.split("<script").skip(1) {
        let (attributes, rest) = opening.split_once('>').unwrap();
        assert!(attributes.contains("src="), "an inline script: {attributes}");
        assert!(rest.starts_with("</script>"), "an inline script");
    }
    for source in
        answer.body.split(['"', '\'']).filter(|text| text.starts_with('/') || text.starts_with("./"))
    {
        let path = source.trim_start_matches('.');
        assert_eq!(server.get(path).await.status, 200, "the page names {source}");
    }
}

#[tokio::test]
async fn files_of_the_dashboard_are_kept_by_their_hash_and_come_compressed() {
    let server = Setup::new().start().await;
    let Some(page) = page(&server).await else { return };
    assert_eq!(page.header("cache-control"), "no-cache");
    let script = page
        .body
        .split('"')
        .find(|text| text.contains("/assets/") && text.contains(".js"))
        .unwrap()
        .trim_start_matches('.');
    let plain = server.get(script).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    let ask = |coding| server.request(Method::GET, script).header("accept-encoding", coding);
    let smaller = send(ask("gzip, br")).await;
    assert_eq!(smaller.header("content-encoding"), "br");
    assert_eq!(smaller.header("etag"), plain.header("etag"));
    assert!(smaller.header("content-length").parse::<usize>().unwrap() < plain.body.len() / 2);
    let known = send(ask("br").header("if-none-match", plain.header("etag"))).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
}

#[tokio::test]
async fn unknown_paths_are_404_with_the_envelope() {
    let server = Setup::new().start().await;
    for path in [
        "/nothing",
        "/functions/v1/nothing",
        "/functions/v1/",
        "/api/v1/nothing",
        "/ingest/",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/app.js%00",
        "/\\..\\..\\etc\\passwd",
        "/.git/config",
        "/events.db",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{path}");
    }
}

fn assert_guarded(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{what}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{what}");
}

#[tokio::test]
async fn every_answer_of_every_route_carries_the_security_headers() {
    let server = Setup::new().start().await;
    for path in [
        "/",
        "/health",
        "/livez",
        "/readyz",
        "/metrics",
        "/ingest",
        "/functions/v1/ingest",
        "/query",
        "/functions/v1/query",
        "/events",
        "/ws",
        "/api/v1/openapi.json",
        "/nothing",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer = send(server.request(method.clone(), path)).await;
            assert_guarded(&answer, &format!("{method} {path} {}", answer.status));
            if path != "/" {
                assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
            }
        }
    }
    for answer in [
        server.view("/query").await,
        server.view("/functions/v1/query").await,
        server.post("/ingest", SOURCE, body(&[event(1)])).await,
        server.post("/events", SOURCE, body(&[event(2)])).await,
    ] {
        assert!(answer.status < 300, "{answer:?}");
        assert_guarded(&answer, "a good answer");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn no_answer_tells_what_the_server_is_made_of() {
    let server = Setup::new().start().await;
    for path in ["/", "/health", "/nothing", "/query"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("server"), "", "{path}");
        assert_eq!(answer.header("x-powered-by"), "", "{path}");
    }
}
