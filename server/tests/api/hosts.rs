//! `Host` and `Origin`: what keeps a foreign page off a server without authentication.

use crate::harness::{Server, Setup, TOKEN, status_of};
use crate::routes::routes;

/// Every route, asked by both methods.
fn every_route() -> impl Iterator<Item = (&'static str, String)> {
    let paths = routes().into_iter().chain(["/nothing/here".to_owned()]);
    paths.flat_map(|path| [("GET", path.clone()), ("POST", path.clone()), ("OPTIONS", path)])
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn ask(server: &Server, method: &str, path: &str, headers: &str) -> (u16, String) {
    let connection =
        if method == "GET" && path.starts_with("/ws") { UPGRADE } else { "Connection: close\r\n" };
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}{connection}Content-Length: 0\r\n\r\n");
    let answer = server.raw_head(request).await;
    (status_of(&answer), answer)
}

fn own(server: &Server) -> String {
    format!("Host: {}\r\n", server.address)
}

/// Nothing where every route refuses this header and takes the server's own host without it.
async fn refused_everywhere(server: &Server, foreign: &str) -> Result<(), String> {
    for (method, path) in every_route() {
        let (status, _) = ask(server, method, &path, &own(server)).await;
        // the administration is closed without authentication, whoever asks
        if status == 403 && !path.contains("/admin/") {
            return Err(format!("{method} {path} refuses its own host"));
        }
        let (status, answer) = ask(server, method, &path, foreign).await;
        let told = answer.contains(r#""error":"forbidden""#);
        let open = answer.to_lowercase().contains("access-control-allow-origin");
        if status != 403 || !told || open {
            return Err(format!("{method} {path} with {foreign:?}: {answer}"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_authentication_a_foreign_host_is_403_on_every_route() {
    let server = Setup::without_auth().start().await;
    let port = server.address.port();
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("192.168.1.7:{port}")] {
        assert_eq!(refused_everywhere(&server, &format!("Host: {host}\r\n")).await, Ok(()));
    }
}

#[tokio::test]
async fn without_authentication_a_foreign_origin_is_403_on_every_route() {
    let server = Setup::without_auth().start().await;
    for origin in ["http://evil.example", "null", "https://127.0.0.1.evil.example"] {
        let headers = format!("{}Origin: {origin}\r\n", own(&server));
        assert_eq!(refused_everywhere(&server, &headers).await, Ok(()));
    }
    for (method, path) in every_route() {
        let headers = format!("{}Origin: http://localhost:5173\r\n", own(&server));
        let (status, _) = ask(&server, method, &path, &headers).await;
        assert!(status != 403 || path.contains("/admin/"), "{method} {path} from a local page");
    }
}

/// Whoever comes through a proxy comes from anywhere, be the proxy on this machine.
#[tokio::test]
async fn without_authentication_what_came_through_a_proxy_is_403_on_every_route() {
    let server = Setup::without_auth().start().await;
    for header in ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=203.0.113.7"]
    {
        let headers = format!("{}{header}\r\n", own(&server));
        assert_eq!(refused_everywhere(&server, &headers).await, Ok(()));
    }
    let refused = Setup::without_auth().with("VIBETEA_BEHIND_PROXY", "loopback").refused();
    assert!(
        refused.contains("VIBETEA_UNSAFE_NO_AUTH is true while VIBETEA_BEHIND_PROXY is set"),
        "{refused}"
    );
}

/// The twin: where the rule does not hold, because there is authentication, the same check sees it.
#[tokio::test]
async fn a_server_that_answers_to_foreign_names_is_seen_by_the_check() {
    let server = Setup::new().start().await;
    assert!(refused_everywhere(&server, "Host: evil.example\r\n").await.is_err());
    let headers = format!("{}Origin: http://evil.example\r\n", own(&server));
    assert!(refused_everywhere(&server, &headers).await.is_err());
    let headers = format!("{}X-Forwarded-For: 203.0.113.7\r\n", own(&server));
    assert!(refused_everywhere(&server, &headers).await.is_err());
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
    for (method, path) in every_route() {
        for host in
            ["evil.example", "tea.example.org.evil.example", "sub.tea.example.org", "other.example.org:1"]
        {
            let (status, answer) = ask(&server, method, &path, &format!("Host: {host}\r\n")).await;
            assert_eq!(status, 403, "{method} {path} for {host}: {answer}");
        }
        for host in ["tea.example.org", "TEA.example.org:1234", "other.example.org:8443"] {
            let (status, answer) = ask(&server, method, &path, &format!("Host: {host}\r\n")).await;
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
