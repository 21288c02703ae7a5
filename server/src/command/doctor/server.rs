//! The server that runs with these settings: does it answer, and can it store?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::line::Line;
use crate::config::Config;

const CHECK: &str = "server";
/// Longer than a server takes that waits for its store.
const PATIENCE: Duration = Duration::from_secs(8);
const MOST_BYTES: u64 = 64 * 1024;

pub(super) async fn check(config: &Config) -> Line {
    let address = SocketAddr::new(reachable(config.host), config.port);
    if config.port == 0 {
        return Line::unchecked(CHECK, "it takes any free port, so nobody knows where it runs");
    }
    let host = config.allowed_hosts.as_ref().and_then(|hosts| hosts.first()).map(|host| match host.port {
        Some(port) => format!("{}:{port}", host.name),
        None => host.name.clone(),
    });
    let path = format!("{}/readyz", config.base_path.as_str());
    match tokio::time::timeout(PATIENCE, ask(address, &path, host)).await {
        Ok(Ok(answer)) => judge(address, &answer),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Line::warn(
            CHECK,
            format!("none answers at {address}"),
            "start it with `vibetea-server`, unless it is meant to be stopped",
        ),
        Ok(Err(error)) => Line::unchecked(CHECK, format!("{address} cannot be asked: {error}")),
        Err(_) => Line::fail(
            CHECK,
            format!("{address} does not answer within {} s", PATIENCE.as_secs()),
            "its log says what it waits for; start it again if nothing else helps",
        ),
    }
}

/// An address that stands for all of this machine's is reached by the one for itself.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}

async fn ask(address: SocketAddr, path: &str, host: Option<String>) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let host = host.unwrap_or_else(|| address.to_string());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn judge(address: SocketAddr, answer: &str) -> Line {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    match status {
        Some("200") if answer.contains("\"status\":\"ok\"") => {
            Line::pass(CHECK, format!("runs at {address} and can store"))
        }
        Some("503") => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let reasons = serde_json::from_str::<serde_json::Value>(body)
                .ok()
                .and_then(|body| {
                    let reasons = body["reasons"].as_array()?;
                    Some(reasons.iter().filter_map(|reason| reason.as_str()).collect::<Vec<_>>().join("; "))
                })
                .unwrap_or_else(|| "without a reason".to_owned());
            Line::fail(
                CHECK,
                format!("runs at {address} and is not ready: {reasons}"),
                "see the lines about the store below, and the server's log",
            )
        }
        Some(status) => Line::unchecked(
            CHECK,
            format!("{address} answers {status}: another program, or a server with other settings"),
        ),
        None => Line::unchecked(
            CHECK,
            format!("{address} does not speak plain HTTP; `curl https://NAME/readyz` asks a server with TLS"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    #[test]
    fn only_a_ready_answer_of_ours_passes() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let verdict = |answer: &str| judge(address, answer).status;
        assert_eq!(verdict("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"reasons\":[]}"), Verdict::Pass);
        assert_eq!(verdict("HTTP/1.1 200 OK\r\n\r\n<html>"), Verdict::Unchecked);
        assert_eq!(verdict("HTTP/1.1 404 Not Found\r\n\r\n"), Verdict::Unchecked);
        assert_eq!(verdict("\x15\x03\x01"), Verdict::Unchecked);
        let told = judge(address, "HTTP/1.1 503 x\r\n\r\n{\"reasons\":[\"the disk is full\",\"b\"]}");
        assert_eq!(told.status, Verdict::Fail);
        assert!(told.message.contains("the disk is full; b"), "{told:?}");
    }

    #[tokio::test]
    async fn nobody_at_the_port_is_no_failure_and_no_pass() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let error = ask(address, "/readyz", None).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
