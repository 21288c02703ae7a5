//! The dashboard at `/`, unknown paths, and the headers every answer carries.

use reqwest::Method;
use vibetea_testkit::lack::{DASHBOARD, skip};

use crate::harness::{Answer, SOURCE, Server, Setup, TOKEN, body, event, send, status_of};
use crate::routes::routes;

/// The page, or none, with a word, where the dashboard was not built before the server.
async fn page(server: &Server) -> Option<Answer> {
    let answer = server.get("/").await;
    assert_eq!(answer.status, 200);
    if answer.body.starts_with("This server was built without its dashboard.") {
        skip(DASHBOARD, "the dashboard was not built");
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

/// Nothing where the answer carries what every answer must.
fn guarded(answer: &Answer) -> Result<(), String> {
    let policy = answer.header("content-security-policy");
    let strict = ["default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"];
    if let Some(missing) = strict.iter().find(|rule| !policy.contains(**rule)) {
        return Err(format!("no {missing} in the policy {policy:?}"));
    }
    if policy.contains("unsafe") || policy.contains('*') {
        return Err(format!("the policy {policy:?} allows too much"));
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        if answer.header(name) != value {
            return Err(format!("{name} is {:?}", answer.header(name)));
        }
    }
    Ok(())
}

/// Other origins may read an answer of these routes.
const HOSTED: [&str; 4] = ["/ingest", "/functions/v1/ingest", "/query", "/functions/v1/query"];

#[tokio::test]
async fn every_answer_of_every_route_carries_the_security_headers() {
    let server = Setup::new().start().await;
    for path in routes().iter().map(String::as_str).chain(["/nothing", "/assets/nothing.js"]) {
        for method in
            [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS]
        {
            for token in [None, Some(TOKEN)] {
                let mut request =
                    server.request(method.clone(), path).header("origin", "https://evil.example");
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let answer = send(request).await;
                let what = format!("{method} {path} {}", answer.status);
                assert_eq!(guarded(&answer), Ok(()), "{what}");
                if path != "/" {
                    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
                }
                let open = answer.header("access-control-allow-origin");
                assert!(open.is_empty() || HOSTED.contains(&path), "{what}: {open}");
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
        assert_eq!(guarded(&answer), Ok(()), "a good answer");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

/// The twins: an answer that lacks one of the headers, or has a weaker one, is seen.
#[tokio::test]
async fn an_answer_without_one_of_the_headers_is_seen_by_the_check() {
    let server = Setup::new().start().await;
    for name in ["content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"] {
        let mut answer = server.get("/health").await;
        assert_eq!(guarded(&answer), Ok(()));
        answer.headers.remove(name);
        assert!(guarded(&answer).is_err(), "{name}");
    }
    let mut answer = server.get("/health").await;
    let policy = answer.header("content-security-policy").replace("'self'", "'self' 'unsafe-inline'");
    answer.headers.insert("content-security-policy", policy.parse().unwrap());
    assert!(guarded(&answer).is_err());
}

/// As they are sent, before any client has tidied them up.
#[tokio::test]
async fn no_game_with_a_path_leads_to_a_file() {
    let server = Setup::new().start().await;
    let status = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
        status_of(&server.raw(request).await)
    };
    for path in [
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
        "/assets/../../etc/passwd",
        "/assets/%2e%2e/index.html",
        "/assets/..%5c..%5cindex.html",
        "/assets/",
        "/assets",
        "/index.html/",
        "/index.html%00",
        "/index.html%00.js",
        "/%00",
        "/\\..\\..\\etc\\passwd",
        "//etc/passwd",
        "/./",
        "//",
        "/%2f",
        "/index.html%20",
        "/INDEX.HTML",
        "/vibetea.db",
    ] {
        assert!([400, 404].contains(&status(path).await), "{path}");
    }
    // the twin: a path that does lead somewhere is seen
    assert_eq!(status("/").await, 200);
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
