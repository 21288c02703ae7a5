//! What a browser on another origin may do: the two hosted routes, and nothing else unless it is configured.

use reqwest::Method;

use crate::harness::{Answer, SOURCE, Server, Setup, body, event, send};

const ORIGIN: &str = "https://dashboard.example.org";
/// Path, methods, headers.
const ROUTES: [(&str, [&str; 2], &[&str]); 4] = [
    ("/ingest", ["OPTIONS", "POST"], &["content-type", "x-signature", "x-source-id"]),
    ("/functions/v1/ingest", ["OPTIONS", "POST"], &["content-type", "x-signature", "x-source-id"]),
    ("/query", ["GET", "OPTIONS"], &["authorization", "content-type"]),
    ("/functions/v1/query", ["GET", "OPTIONS"], &["authorization", "content-type"]),
];

async fn preflight(server: &Server, path: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let request = server
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    send(request).await
}

/// A list in a header, lower or upper case as it stood, sorted.
fn list(header: &str) -> Vec<String> {
    let mut items: Vec<String> = header.split(',').map(|item| item.trim().to_owned()).collect();
    items.sort();
    items
}

#[tokio::test]
async fn a_preflight_is_answered_204_with_what_is_allowed() {
    let server = Setup::new().start().await;
    for (path, methods, headers) in ROUTES {
        let answer =
            preflight(&server, path, ORIGIN, methods[usize::from(methods[0] == "OPTIONS")], "authorization")
                .await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(list(answer.header("access-control-allow-methods")), methods, "{path}");
        let allowed = list(&answer.header("access-control-allow-headers").to_lowercase());
        assert_eq!(allowed, headers, "{path}");
        assert_eq!(answer.header("access-control-max-age"), "86400", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
}

#[tokio::test]
async fn options_without_an_origin_is_204_too() {
    let server = Setup::new().start().await;
    for (path, ..) in ROUTES {
        let answer = send(server.request(Method::OPTIONS, path)).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
    }
}

#[tokio::test]
async fn answers_and_refusals_alike_may_be_read_by_the_page() {
    let server = Setup::new().start().await;
    let good = server.signed("/functions/v1/ingest", SOURCE, body(&[event(1)])).header("origin", ORIGIN);
    let unsigned = server.request(Method::POST, "/ingest").header("origin", ORIGIN).body("[]");
    let empty = server.signed("/ingest", SOURCE, "[]").header("origin", ORIGIN);
    let wrong_method = server.request(Method::DELETE, "/query").header("origin", ORIGIN);
    let no_token = server.request(Method::GET, "/functions/v1/query").header("origin", ORIGIN);
    let wrong_days = server
        .request(Method::GET, "/query?days=14")
        .bearer_auth(crate::harness::TOKEN)
        .header("origin", ORIGIN);
    for (request, status) in
        [(good, 200), (unsigned, 401), (empty, 400), (wrong_method, 405), (no_token, 401), (wrong_days, 400)]
    {
        let answer = send(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{answer:?}");
    }
}

#[tokio::test]
async fn no_other_route_is_open_to_foreign_pages() {
    let server = Setup::new().start().await;
    for path in [
        "/events",
        "/health",
        "/livez",
        "/readyz",
        "/metrics",
        "/",
        "/ws",
        "/api/v1/openapi.json",
        "/nothing",
    ] {
        let answer = preflight(&server, path, ORIGIN, "GET", "authorization").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        let answer = send(server.request(Method::GET, path).header("origin", ORIGIN)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn with_a_list_only_its_origins_are_let_in() {
    let server =
        Setup::new().with("VIBETEA_CORS_ORIGINS", format!("{ORIGIN}, http://localhost:5173")).start().await;
    for (path, methods, _) in ROUTES {
        let method = if methods[0] == "GET" { "GET" } else { "POST" };
        for origin in [ORIGIN, "http://localhost:5173"] {
            let answer = preflight(&server, path, origin, method, "authorization").await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
            assert!(answer.header("vary").to_lowercase().contains("origin"), "{path}: {answer:?}");
            let answer = send(server.request(Method::GET, path).header("origin", origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
            assert!(answer.header("vary").to_lowercase().contains("origin"), "{path}: {answer:?}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost:51730",
            "https://dashboard.example.org.evil.example",
            "http://dashboard.example.org",
        ] {
            let answer = preflight(&server, path, origin, method, "authorization").await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path} {origin}");
            let answer = send(server.request(Method::GET, path).header("origin", origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path} {origin}");
            assert!(answer.header("vary").to_lowercase().contains("origin"), "a cache must not mix them up");
        }
    }
}
