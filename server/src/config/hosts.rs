//! Host names and origins as the operator writes them.

/// What a list of hosts may hold.
pub(super) const HOSTS_ALLOWED: &str =
    "host names or IP addresses separated by commas, each with a port or without, such as tea.example.org";
/// What a list of origins may hold.
pub(super) const ORIGINS_ALLOWED: &str =
    "*, or origins separated by commas, such as https://tea.example.org,http://localhost:5173";

/// A name this server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// Lower case; an IPv6 address in brackets.
    pub name: String,
    /// `None` for any port.
    pub port: Option<u16>,
}

impl AllowedHost {
    /// Reads `name`, `name:port`, `[ipv6]` or `[ipv6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let authority = text.parse::<axum::http::uri::Authority>().ok()?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let rest = &authority.as_str()[host.len()..];
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { name: host.to_ascii_lowercase(), port })
    }

    /// Whether the name is one of the machine itself.
    pub fn is_loopback(&self) -> bool {
        let address = self.name.trim_start_matches('[').trim_end_matches(']');
        self.name == "localhost"
            || self.name.ends_with(".localhost")
            || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether a request for `asked` is one for this host.
    pub fn admits(&self, asked: &Self) -> bool {
        self.name == asked.name && (self.port.is_none() || self.port == asked.port)
    }
}

/// Whose pages may call this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Everybody's on the two hosted routes, nobody's elsewhere.
    HostedRoutes,
    /// Everybody's, on every route.
    Any,
    /// These, on every route.
    Listed(Vec<String>),
}

/// `None` where one of the names is none.
pub(super) fn read_hosts(text: &str) -> Option<Vec<AllowedHost>> {
    parts(text).map(AllowedHost::parse).collect::<Option<Vec<_>>>().filter(|hosts| !hosts.is_empty())
}

/// `None` where one of the origins is none.
pub(super) fn read_origins(text: &str) -> Option<CorsOrigins> {
    if text.trim() == "*" {
        return Some(CorsOrigins::Any);
    }
    let origins = parts(text).map(read_origin).collect::<Option<Vec<_>>>()?;
    (!origins.is_empty()).then_some(CorsOrigins::Listed(origins))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Scheme and host, no path: what a browser sends in `Origin`.
fn read_origin(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) = text.split_once("://")?;
    let known = matches!(scheme, "http" | "https");
    (known && AllowedHost::parse(host).is_some()).then_some(text)
}
