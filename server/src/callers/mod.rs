//! Who a request comes from, told by the connection or by a proxy that is trusted, and how much one address may ask.
//! Looked at before any signature or token.

mod forwarded;
mod held;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::http::HeaderMap;

pub use forwarded::TrustedProxies;
pub(crate) use forwarded::claims_a_proxy;
pub(crate) use held::Held;
pub use held::Holdings;

use crate::config::Exposure;
use crate::limit::RateLimit;

/// Most addresses whose requests are counted at a time: some 4 MiB.
const MOST_ADDRESSES: usize = 32_768;
/// What a request with a wrong signature, token or ticket costs beyond the one token of every request.
const FAILURE: usize = 9;

/// What the connection itself tells of the other side.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS to this server.
    pub encrypted: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The address, as far as it can be believed.
    pub address: IpAddr,
    /// Whether its request came by HTTPS, to this server or to a trusted proxy.
    pub secure: bool,
    /// Whether it came by a trusted proxy.
    pub forwarded: bool,
}

/// What stands for all addresses of one customer: an IPv4 address, or the first half of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Block {
    V4(u32),
    V6(u64),
}

impl Block {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// The rules for addresses.
#[derive(Debug)]
pub struct Callers {
    proxies: Option<TrustedProxies>,
    rate: RateLimit<Block>,
    rate_on_loopback: bool,
    held: Arc<Holdings<Block>>,
    held_on_loopback: bool,
    /// Whether it was said that a proxy is not named.
    said: AtomicBool,
}

impl Callers {
    /// By the settings.
    pub fn new(exposure: &Exposure) -> Self {
        let rate = exposure.address_rate;
        Self {
            proxies: exposure.proxies.clone(),
            rate: RateLimit::new(rate.per_second, rate.burst, MOST_ADDRESSES),
            rate_on_loopback: rate.on_loopback,
            held: Arc::new(Holdings::new(exposure.per_address.most)),
            held_on_loopback: exposure.per_address.on_loopback,
            said: AtomicBool::new(false),
        }
    }

    /// Who is behind a connection. What the headers say counts only where a trusted proxy wrote them.
    pub fn caller(&self, peer: Peer, headers: &HeaderMap) -> Caller {
        let direct =
            Caller { address: peer.address.to_canonical(), secure: peer.encrypted, forwarded: false };
        match &self.proxies {
            Some(proxies) if proxies.hold(peer.address) => forwarded::read(proxies, direct, headers),
            _ => {
                self.hint(&direct, headers);
                direct
            }
        }
    }

    /// A proxy on this machine that the operator forgot to name makes all callers one.
    fn hint(&self, direct: &Caller, headers: &HeaderMap) {
        let forgotten = direct.address.is_loopback() && claims_a_proxy(headers);
        if forgotten && !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests come through a proxy on this machine that VIBETEA_BEHIND_PROXY does not name, so all callers \
                 count as one; VIBETEA_BEHIND_PROXY=loopback tells them apart"
            );
        }
    }

    /// Takes one token of the caller's address, or answers the seconds until there is one.
    pub(crate) fn admit(&self, caller: &Caller, now: Instant) -> Result<(), u64> {
        if caller.address.is_loopback() && !self.rate_on_loopback {
            return Ok(());
        }
        let block = Block::of(caller.address);
        self.rate.admit(&block, now)?;
        self.rate.debit(&block, 1, now);
        Ok(())
    }

    /// The caller could not show who it is.
    pub(crate) fn note_failure(&self, caller: &Caller, now: Instant) {
        if !caller.address.is_loopback() || self.rate_on_loopback {
            self.rate.debit(&Block::of(caller.address), FAILURE, now);
        }
    }

    /// A connection of this address, counted until it is dropped; `Err` where the address has the most allowed. Those
    /// of proxies are not counted: they are many callers'.
    pub(crate) fn connect(&self, address: IpAddr) -> Result<Option<Held<Block>>, Full> {
        let is_proxy = self.proxies.as_ref().is_some_and(|proxies| proxies.hold(address));
        if is_proxy { Ok(None) } else { self.hold(address) }
    }

    /// A live stream of a caller behind a proxy, counted until it is dropped; any other is counted as a connection.
    pub(crate) fn subscribe(&self, caller: &Caller) -> Result<Option<Held<Block>>, Full> {
        if caller.forwarded { self.hold(caller.address) } else { Ok(None) }
    }

    fn hold(&self, address: IpAddr) -> Result<Option<Held<Block>>, Full> {
        if address.to_canonical().is_loopback() && !self.held_on_loopback {
            return Ok(None);
        }
        Holdings::take(&self.held, Block::of(address)).map(Some).ok_or(Full)
    }
}

/// The address holds as many connections as one address may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[cfg(test)]
mod tests;
