//! Whether a server is ready, asked with one request, for where there is no other client, as in a container.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use url::Url;

use super::Failure;
use crate::config::Config;
use crate::tls;

/// A server: where it is asked, how, and under which name.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    host: String,
    path: String,
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ready,
    /// Why it is not.
    Unready(String),
    /// It is a server with another base path or other names, or none of ours.
    Status(String),
    /// It does not speak HTTP.
    Foreign,
}

impl Target {
    pub(super) fn named(url: &Url) -> Result<Self, Failure> {
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

    /// The server of a configuration, asked from its own machine. With a certificate of its own it is asked through TLS
    /// and has to show that very certificate.
    pub(super) fn configured(config: &Config) -> Self {
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

    pub(super) fn ask(&self, patience: Duration) -> io::Result<Answer> {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let stream = TcpStream::connect_timeout(&self.address, left())?;
        stream.set_write_timeout(Some(left()))?;
        stream.set_read_timeout(Some(left()))?;
        let Some(settings) = &self.tls else { return self.talk(stream) };
        // the name is of no consequence where the certificate is known
        let name = ServerName::IpAddress(self.address.ip().into());
        let connection = ClientConnection::new(Arc::clone(settings), name).map_err(io::Error::other)?;
        self.talk(StreamOwned::new(connection, stream))
    }

    /// What is longer than an answer can be is cut off.
    fn talk(&self, mut stream: impl Read + Write) -> io::Result<Answer> {
        const LONGEST: u64 = 64 * 1024;
        let Self { host, path, .. } = self;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        stream.flush()?;
        let mut answer = Vec::new();
        match stream.take(LONGEST).read_to_end(&mut answer) {
            // a peer that ends without TLS's own farewell
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        Ok(Answer::read(&String::from_utf8_lossy(&answer)))
    }
}

impl Answer {
    fn read(answer: &str) -> Self {
        let Some(status) = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)) else {
            return Self::Foreign;
        };
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let reasons = told["reasons"].as_array().into_iter().flatten();
        let reasons: Vec<&str> = reasons.filter_map(serde_json::Value::as_str).collect();
        match status {
            "200" if told["status"] == "ok" => Self::Ready,
            "503" if !reasons.is_empty() => Self::Unready(reasons.join("; ")),
            status => Self::Status(status.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Args;

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
    fn only_a_ready_answer_of_ours_is_ready_and_the_reasons_are_told() {
        let status = |code: &str| Answer::Status(code.to_owned());
        for (answer, read) in [
            ("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"reasons\":[]}", Answer::Ready),
            ("HTTP/1.1 503 x\r\n\r\n{\"reasons\":[\"a\",\"b\"]}", Answer::Unready("a; b".to_owned())),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", status("200")),
            ("HTTP/1.1 503 x\r\n\r\n<html>", status("503")),
            ("HTTP/1.1 404 Not Found\r\n\r\n", status("404")),
            ("SSH-2.0", Answer::Foreign),
            ("\x15\x03\x01", Answer::Foreign),
            ("", Answer::Foreign),
        ] {
            assert_eq!(Answer::read(answer), read, "{answer}");
        }
    }

    #[test]
    fn nobody_at_the_port_refuses_the_connection() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let asked = configured(&[("PORT", &port)]).ask(Duration::from_secs(5));
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
