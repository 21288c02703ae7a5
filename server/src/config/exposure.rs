//! How the server stands in the open: TLS, proxies, and what one address may ask.

use std::net::IpAddr;
use std::path::PathBuf;

use super::reader::{Reader, Setting, Told};
use super::{HOST, MAX_CONNECTION_COUNT, MAX_RATE, UNSAFE_NO_AUTH, Wrong};
use crate::callers::TrustedProxies;
use crate::tls::Pair;

pub(super) const TLS_CERT: Setting = Setting::new("VIBETEA_TLS_CERT", "tls_cert");
pub(super) const TLS_KEY: Setting = Setting::new("VIBETEA_TLS_KEY", "tls_key");
pub(super) const BEHIND_PROXY: Setting = Setting::new("VIBETEA_BEHIND_PROXY", "behind_proxy");
pub(super) const ADDRESS_RATE: Setting =
    Setting::new("VIBETEA_ADDRESS_RATE_LIMIT_PER_SEC", "address_rate_limit_per_sec");
pub(super) const ADDRESS_BURST: Setting =
    Setting::new("VIBETEA_ADDRESS_RATE_LIMIT_BURST", "address_rate_limit_burst");
pub(super) const PER_ADDRESS: Setting =
    Setting::new("VIBETEA_MAX_CONNECTIONS_PER_ADDRESS", "max_connections_per_address");

const PAIR: &str = "the files of a certificate chain and of its private key in PEM form, both or neither";
/// Requests a second: a hundred monitors behind one address ask for a tenth of it at their busiest.
const PER_SECOND: u32 = 500;
/// Requests at once.
const AT_ONCE: u32 = 2000;
const CONNECTIONS: usize = 256;

/// How the server stands in the open.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Certificate and key; `None` where the server speaks plain HTTP.
    pub tls: Option<Pair>,
    /// The proxies whose word about callers is believed; `None` where there are none.
    pub proxies: Option<TrustedProxies>,
    /// How often one address may ask.
    pub address_rate: AddressRate,
    /// How many connections one address may hold.
    pub per_address: PerAddress,
}

/// How often one address may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRate {
    /// Requests a second.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
    /// Whether this machine's own addresses are limited too: where the limit was set by hand.
    pub on_loopback: bool,
}

/// How many connections one address may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerAddress {
    /// At a time.
    pub most: usize,
    /// Whether this machine's own addresses are limited too: where the limit was set by hand.
    pub on_loopback: bool,
}

/// `open` where nobody has to show who it is.
pub(super) fn read_exposure(reader: &mut Reader<'_>, host: IpAddr, open: bool) -> Exposure {
    let tls = read_tls(reader);
    let proxies = read_proxies(reader);
    if let (Ok(None), Ok(None)) = (&tls, &proxies)
        && !host.is_loopback()
    {
        reader.wrong.push(Wrong::new(
            HOST.name,
            format!("is {host}, which others can reach, while nothing encrypts what they send"),
            format!(
                "a loopback address such as 127.0.0.1, or with this one {} and {}, or {} where a proxy in front of it \
                 speaks TLS",
                TLS_CERT.name, TLS_KEY.name, BEHIND_PROXY.name
            ),
        ));
    }
    if open && matches!(proxies, Ok(Some(_))) {
        reader.wrong.push(Wrong::new(
            UNSAFE_NO_AUTH.name,
            format!("is true while {} is set, and anybody may come through a proxy", BEHIND_PROXY.name),
            format!("false, or no {}", BEHIND_PROXY.name),
        ));
    }
    let by_hand = reader.find(&ADDRESS_RATE).is_some() || reader.find(&ADDRESS_BURST).is_some();
    let address_rate = AddressRate {
        per_second: reader.number(&ADDRESS_RATE, PER_SECOND, 1..=MAX_RATE),
        burst: reader.number(&ADDRESS_BURST, AT_ONCE, 1..=MAX_RATE),
        on_loopback: by_hand,
    };
    let on_loopback = reader.find(&PER_ADDRESS).is_some();
    let most = reader.number(&PER_ADDRESS, CONNECTIONS, 1..=MAX_CONNECTION_COUNT);
    let per_address = PerAddress { most, on_loopback };
    // a stand-in for what is wrong never leaves
    Exposure { tls: tls.unwrap_or(None), proxies: proxies.unwrap_or(None), address_rate, per_address }
}

fn read_tls(reader: &mut Reader<'_>) -> Result<Option<Pair>, Told> {
    let (certificate, key) = (reader.find(&TLS_CERT), reader.find(&TLS_KEY));
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(given), None) => return Err(alone(reader, &TLS_KEY, &given.origin)),
        (None, Some(given)) => return Err(alone(reader, &TLS_CERT, &given.origin)),
    };
    let path = |text: &str| PathBuf::from(text.trim());
    Pair::load(path(&certificate.value), path(&key.value)).map(Some).map_err(|error| {
        let setting = if error.is_of_the_key() { key.origin } else { certificate.origin };
        reader.wrong.push(Wrong::new(setting, format!("cannot be used: {error}"), PAIR));
        Told
    })
}

fn alone(reader: &mut Reader<'_>, missing: &Setting, given: &str) -> Told {
    reader.wrong.push(Wrong::new(missing.name, format!("is not set while {given} is"), PAIR));
    Told
}

fn read_proxies(reader: &mut Reader<'_>) -> Result<Option<TrustedProxies>, Told> {
    let Some(found) = reader.find(&BEHIND_PROXY) else { return Ok(None) };
    let text = found.value.trim();
    if ["false", "no", "off", "0"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(None);
    }
    TrustedProxies::parse(text).map(Some).ok_or_else(|| {
        reader.reject(&BEHIND_PROXY, &found, TrustedProxies::ALLOWED);
        Told
    })
}
