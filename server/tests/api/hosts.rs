//! `Host` and `Origin`: what keeps a foreign page off a server without authentication.

use crate::harness::{Server, Setup, TOKEN, status_of};

const EVERY_ROUTE: [(&str, &str); 14] = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/ingest"),
    ("POST", "/functions/v1/ingest"),
    ("OPTIONS", "/functions/v1/ingest"),
    ("GET", "/query"),
    ("GET", "/functions/v1/query"),
    ("POST", "/events"),
    ("GET", "/ws"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/nothing/here"),
];

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn ask(server: &Server, method: &str, path: &str, headers: &str) -> (u16, String) {
    let connection = if path.starts_with("/ws") { UPGRADE } else { "Connection: close\r\n" };
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}{connection}Content-Length: 0\r\n\r\n");
    let answer = server.raw_head(request).await;
    (status_of(&answer), answer)
}

fn own(server: &Server) -> String {
    format!("Host: {}\r\n", server.address)
}

#[tokio::test]
async fn without_authentication_a_foreign_host_is_403_on_every_route() {
    let server = Setup::without_auth().start().await;
    let port = server.address.port();
    for (method, path) in EVERY_ROUTE {
        let (status, _) = ask(&server, method, path, &own(&server)).await;
        assert_ne!(status, 403, "{method} {path} for its own host");
        for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("192.168.1.7:{port}")]
        {
            let (status, answer) = ask(&server, method, path, &format!("Host: {host}\r\n")).await;
            assert_eq!(status, 403, "{method} {path} for {host}: {answer}");
            assert!(answer.contains(r#""error":"forbidden""#), "{answer}");
        }
    }
}

#[tokio::test]
async fn without_authentication_a_foreign_origin_is_403_on_every_route() {
    let server = Setup::without_auth().start().await;
    for (method, path) in EVERY_ROUTE {
        for origin in ["http://evil.example", "null", "https://127.0.0.1.evil.example"] {
            let headers = format!("{}Origin: {origin}\r\n", own(&server));
            let (status, answer) = ask(&server, method, path, &headers).await;
            assert_eq!(status, 403, "{method} {path} from {origin}: {answer}");
            assert!(!answer.to_lowercase().contains("access-control-allow-origin"), "{answer}");
        }
        let headers = format!("{}Origin: http://localhost:5173\r\n", own(&server));
        assert_ne!(ask(&server, method, path, &headers).await.0, 403, "{method} {path} from a local page");
    }
}

#[tokio::test]
async fn names_of_the_machine_itself_are_told_from_look_alikes() {
    let server = Setup::without_auth().start().await;
    for host in ["127.0.0.1", "127.0.0.1:1", "127.8.9.1", "localhost", "LocalHost:8080", "[::1]", "[::1]:9"] {
        assert_eq!(ask(&server, "GET", "/health", &format!("Host: {host}\r\n")).await.0, 200, "{host}");
    }
    for host in [
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "",
    ] {
        let (status, answer) = ask(&server, "GET", "/health", &format!("Host: {host}\r\n")).await;
        assert!([400, 403].contains(&status), "{host}: {answer}");
    }
    let (status, answer) = ask(&server, "GET", "/health", "").await;
    assert!([400, 403].contains(&status), "without a host: {answer}");
    let twice = format!("{}Host: evil.example\r\n", own(&server));
    let (status, answer) = ask(&server, "GET", "/health", &twice).await;
    assert!([400, 403].contains(&status), "two hosts: {answer}");
    let (status, answer) = ask(&server, "GET", "http://evil.example/health", &own(&server)).await;
    assert!([400, 403].contains(&status), "a foreign host in the request line: {answer}");
}

#[tokio::test]
async fn with_authentication_any_host_and_origin_may_ask() {
    let server = Setup::new().start().await;
    let foreign = "Host: tea.example.org\r\nOrigin: https://dashboard.example.org\r\n";
    assert_eq!(ask(&server, "GET", "/health", foreign).await.0, 200);
    assert_eq!(ask(&server, "GET", "/ws", foreign).await.0, 401, "the token decides");
    assert_eq!(ask(&server, "GET", &format!("/ws?token={TOKEN}"), foreign).await.0, 101);
}

#[tokio::test]
async fn only_listed_hosts_are_answered_where_there_is_a_list() {
    let server =
        Setup::new().with("VIBETEA_ALLOWED_HOSTS", "tea.example.org, other.example.org:8443").start().await;
    for (method, path) in EVERY_ROUTE {
        for host in
            ["evil.example", "tea.example.org.evil.example", "sub.tea.example.org", "other.example.org:1"]
        {
            let (status, answer) = ask(&server, method, path, &format!("Host: {host}\r\n")).await;
            assert_eq!(status, 403, "{method} {path} for {host}: {answer}");
        }
        for host in ["tea.example.org", "TEA.example.org:1234", "other.example.org:8443"] {
            let (status, answer) = ask(&server, method, path, &format!("Host: {host}\r\n")).await;
            assert_ne!(status, 403, "{method} {path} for {host}: {answer}");
        }
    }
    let (status, _) =
        ask(&server, "GET", "/ws", "Host: evil.example\r\nAuthorization: Bearer wrong\r\n").await;
    assert_eq!(status, 403, "the host is looked at before the token");
}

#[tokio::test]
async fn without_authentication_a_listed_host_must_be_listed_and_local() {
    let server = Setup::without_auth().with("VIBETEA_ALLOWED_HOSTS", "localhost").start().await;
    assert_eq!(ask(&server, "GET", "/health", "Host: localhost:80\r\n").await.0, 200);
    assert_eq!(ask(&server, "GET", "/health", "Host: 127.0.0.1\r\n").await.0, 403);
    assert_eq!(ask(&server, "GET", "/health", "Host: evil.example\r\n").await.0, 403);
}
