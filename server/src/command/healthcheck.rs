//! `vibetea-server healthcheck`: one request to a server, for where there is no other client, as in a container.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use url::Url;

use super::Failure;
use crate::config::{Args, Config, Lookup};
use crate::tls;

pub(super) const EXAMPLES: &str = "\
Examples:
  # the server of this configuration
  vibetea-server healthcheck

  # another one
  vibetea-server healthcheck --url http://127.0.0.1:8080/tea

Asks /readyz: healthy is a server that answers and whose store can be written. A server with a
certificate of its own is asked through TLS and has to show that very certificate.
Exit codes: 0 healthy, 1 not, 2 wrong usage, 78 wrong configuration.";

/// Which server, and how long to wait for it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Address of the server; without it the one of this configuration
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Most seconds to wait
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=300))]
    timeout: u16,
    #[command(flatten)]
    args: Args,
}

/// Where to ask, how, and under which name.
struct Target {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    host: String,
    path: String,
}

pub(super) fn healthcheck(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let target = match &options.url {
        Some(url) => Target::named(url)?,
        None => Target::configured(
            &Config::load(&options.args, lookup)
                .map_err(|error| Failure::Misconfigured(error.to_string()))?,
        ),
    };
    let deadline = Instant::now() + Duration::from_secs(options.timeout.into());
    let answer = ask(&target, deadline)
        .map_err(|error| Failure::Failed(format!("no answer from {}: {error}", target.address)))?;
    judge(&answer).map_err(Failure::Failed)
}

impl Target {
    fn named(url: &Url) -> Result<Self, Failure> {
        const ALLOWED: &str = "allowed: http://HOST:PORT and a base path";
        let host = url
            .host_str()
            .filter(|_| url.scheme() == "http")
            .ok_or_else(|| Failure::Misused(format!("--url holds '{url}'; {ALLOWED}")))?;
        let mut addresses = url
            .socket_addrs(|| None)
            .map_err(|error| Failure::Failed(format!("{host} has no address: {error}")))?
            .into_iter();
        let address = addresses.next().ok_or_else(|| Failure::Failed(format!("{host} has no address")))?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { address, tls: None, host, path: format!("{}/readyz", url.path().trim_end_matches('/')) })
    }

    /// The server of a configuration, asked from its own machine.
    fn configured(config: &Config) -> Self {
        let ip = match config.host {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let address = SocketAddr::new(ip, config.port);
        let allowed = config.allowed_hosts.as_deref().and_then(<[_]>::first);
        let host = allowed.map_or_else(
            || address.to_string(),
            |host| host.port.map_or_else(|| host.name.clone(), |port| format!("{}:{port}", host.name)),
        );
        let tls = config.exposure.tls.as_ref().map(tls::asking);
        Self { address, tls, host, path: format!("{}/readyz", config.base_path) }
    }
}

/// The whole answer.
fn ask(target: &Target, deadline: Instant) -> std::io::Result<String> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let stream = TcpStream::connect_timeout(&target.address, left())?;
    stream.set_write_timeout(Some(left()))?;
    stream.set_read_timeout(Some(left()))?;
    let Some(settings) = &target.tls else { return talk(stream, target) };
    // the name is of no consequence where the certificate is known
    let name = ServerName::IpAddress(target.address.ip().into());
    let connection = ClientConnection::new(Arc::clone(settings), name)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    talk(StreamOwned::new(connection, stream), target)
}

/// What is longer than an answer can be is cut off.
fn talk(mut stream: impl Read + Write, target: &Target) -> std::io::Result<String> {
    const LONGEST: u64 = 64 * 1024;
    let Target { host, path, .. } = target;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(LONGEST).read_to_end(&mut answer) {
        // a peer that ends without TLS's own farewell
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What keeps the server from being healthy.
fn judge(answer: &str) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_default();
    if status == "200" {
        return Ok(());
    }
    let told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let reasons: Vec<&str> =
        told["reasons"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    Err(match (status, reasons.is_empty()) {
        ("", _) => "what answers there is no VibeTea server".to_owned(),
        (status, true) => format!("the server answers {status}"),
        (_, false) => format!("the server is not ready: {}", reasons.join("; ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(variables: &[(&str, &str)]) -> Target {
        let lookup = |name: &str| {
            let open = [("VIBETEA_UNSAFE_NO_AUTH", "true"), ("VIBETEA_DATABASE_URL", "none")];
            let mut all = variables.iter().chain(&open);
            all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Target::configured(&Config::load(&Args::default(), &lookup).unwrap())
    }

    #[test]
    fn the_configured_server_is_asked_from_its_own_machine_under_a_name_it_answers_to() {
        let target = configured(&[("PORT", "81"), ("VIBETEA_BASE_PATH", "/tea")]);
        assert_eq!(
            (target.address.to_string().as_str(), target.path.as_str()),
            ("127.0.0.1:81", "/tea/readyz")
        );
        assert_eq!(target.host, "127.0.0.1:81");
        assert_eq!(configured(&[("VIBETEA_ALLOWED_HOSTS", "tea.localhost:9,b")]).host, "tea.localhost:9");
        let target = configured(&[("VIBETEA_HOST", "::1")]);
        assert_eq!(target.address.to_string(), "[::1]:8080");
    }

    #[test]
    fn a_named_server_is_asked_below_its_base_path() {
        let named = |url: &str| Target::named(&url.parse().unwrap());
        let target = named("http://127.0.0.1:8080/tea/").unwrap();
        assert_eq!((target.host.as_str(), target.path.as_str()), ("127.0.0.1:8080", "/tea/readyz"));
        assert!(matches!(named("ftp://127.0.0.1"), Err(Failure::Misused(_))));
    }

    #[test]
    fn only_a_ready_server_is_healthy_and_the_reasons_are_told() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\n{}"), Ok(()));
        for (answer, told) in [
            ("HTTP/1.1 503 x\r\n\r\n{\"reasons\":[\"a\",\"b\"]}", "the server is not ready: a; b"),
            ("HTTP/1.1 404 Not Found\r\n\r\n<p>", "the server answers 404"),
            ("SSH-2.0", "what answers there is no VibeTea server"),
            ("", "what answers there is no VibeTea server"),
        ] {
            assert_eq!(judge(answer), Err(told.to_owned()), "{answer}");
        }
    }
}
