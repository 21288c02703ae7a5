//! What opens a socket: the address with its query, and the headers that say who asks.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use vibetea_protocol::EventId;
use vibetea_server::auth::bearer;
use vibetea_server::callers::{Callers, Peer, TrustedProxies};
use vibetea_server::config::{AddressRate, AllowedHost, Exposure, PerAddress};
use vibetea_server::filter::{Filter, Query};
use vibetea_server::store::SourceFilter;

static CALLERS: LazyLock<Callers> = LazyLock::new(|| {
    Callers::new(&Exposure {
        tls: None,
        proxies: TrustedProxies::parse("10.0.0.0/8"),
        address_rate: AddressRate { per_second: 1, burst: 1, on_loopback: false },
        per_address: PerAddress { most: 1, on_loopback: false },
    })
});

/// Whatever a client writes there, nothing breaks; only a trusted proxy is believed about its callers.
pub fn socket_hello(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Ok(uri) = Uri::try_from(lines.next().unwrap_or_default()) else { return };
    let query = Query::of(&uri);
    if let Err(problem) = Filter::from_query(&query, SourceFilter::All) {
        assert_eq!(problem.error.status(), 400);
    }
    let last: Option<EventId> = query.get("last_event_id").and_then(|text| text.parse().ok());
    if let Some(id) = last {
        assert_eq!(Some(id.to_string().as_str()), query.get("last_event_id"));
    }
    let headers = headers_of(lines);
    if let Some(Some(token)) = bearer(&headers) {
        assert_eq!(token, token.trim_ascii());
    }
    for host in headers.get_all("host").iter().filter_map(|host| AllowedHost::parse(host.to_str().ok()?)) {
        assert!(host.admits(&host) && !host.name.contains(['@', '/', '?', '#']), "{host:?}");
    }
    believed(&headers);
}

fn headers_of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn believed(headers: &HeaderMap) {
    let peer = |first| Peer { address: IpAddr::V4(Ipv4Addr::new(first, 9, 9, 9)), encrypted: true };
    let (proxy, stranger) = (peer(10), peer(20));
    let from_stranger = CALLERS.caller(stranger, headers);
    assert!(from_stranger.address == stranger.address && from_stranger.secure && !from_stranger.forwarded);
    let from_proxy = CALLERS.caller(proxy, headers);
    assert!(from_proxy.forwarded);
    let named = headers.contains_key("x-forwarded-for");
    assert!(named || from_proxy.address == proxy.address);
}
