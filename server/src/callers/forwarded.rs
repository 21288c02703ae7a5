//! What proxies tell of their callers.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use super::Caller;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// What routers of the open network do not carry, so that it can only be a machine nearby.
const PRIVATE: [&str; 7] =
    ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"];

/// The addresses of proxies whose word about their callers is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// What a list may hold.
    pub const ALLOWED: &str = "loopback, private, or the proxies' addresses and networks separated by commas, such as \
         10.0.0.5,172.18.0.0/16";

    /// Reads a list; `None` where a part of it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut nets = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.to_ascii_lowercase().as_str() {
                "loopback" | "true" | "yes" | "on" | "1" => nets.extend(known(&LOOPBACK)),
                "private" => nets.extend(known(&PRIVATE)),
                _ => nets.push(part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).ok()?),
            }
        }
        (!nets.is_empty()).then_some(Self(nets))
    }

    /// Whether the address is one of them.
    pub fn hold(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }
}

fn known<'a>(nets: &'a [&str]) -> impl Iterator<Item = IpNet> + 'a {
    nets.iter().filter_map(|net| net.parse().ok())
}

/// The caller behind a trusted proxy: the nearest hop that is not one of them. Each proxy adds the address it was
/// called from at the end, so everything to the left of that hop may be made up.
pub(super) fn read(proxies: &TrustedProxies, direct: Caller, headers: &HeaderMap) -> Caller {
    let mut caller = Caller { forwarded: true, ..direct };
    if let Some(word) = last_word(headers, &FORWARDED_PROTO) {
        caller.secure = word.eq_ignore_ascii_case("https");
    }
    for hop in hops(headers) {
        // what a trusted proxy cannot name is counted as the proxy's own
        let Some(address) = address_of(hop) else { break };
        caller.address = address;
        if !proxies.hold(address) {
            break;
        }
    }
    caller
}

/// The hops from the nearest to the farthest; a line that is no text is one that names nobody.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(&FORWARDED_FOR).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',').map(str::trim))
}

fn last_word<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?;
    line.to_str().ok()?.rsplit(',').next().map(str::trim)
}

/// An address, with a port or without.
fn address_of(hop: &str) -> Option<IpAddr> {
    let plain = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.ok().or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

/// Whether a request came through something that calls itself a proxy.
pub(crate) fn claims_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(&FORWARDED_FOR) || headers.contains_key(header::FORWARDED)
}
