//! Who may send and who may watch at a moment: the configuration and the store together, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};

use crate::auth::{Holder, Keys, Viewer};
use crate::store::{AccessSnapshot, MOST_KEYS, SourceFilter};

/// A state of who may send and who may watch.
#[derive(Debug, Default)]
pub struct Roster {
    /// None before the store was read.
    version: Option<i64>,
    senders: HashMap<Arc<SourceId>, Vec<SenderKey>>,
    viewers: HashMap<[u8; 32], IssuedViewer>,
    rounds: usize,
}

#[derive(Debug)]
struct SenderKey {
    key: PublicKey,
    expires: Option<Timestamp>,
}

#[derive(Debug)]
struct IssuedViewer {
    id: Arc<str>,
    admin: bool,
    sources: SourceFilter,
    expires: Option<Timestamp>,
}

impl Roster {
    /// The configured sources and, where there is a store, what it keeps.
    pub fn new(configured: &Keys, stored: Option<&AccessSnapshot>) -> Self {
        let mut roster = Self { version: stored.map(|stored| stored.version), ..Self::default() };
        for (source, keys) in configured.sources() {
            let keys = keys.iter().map(|key| SenderKey { key: key.clone(), expires: None });
            roster.senders.insert(Arc::clone(source), keys.collect());
        }
        for stored in stored.map_or(&[][..], |stored| &stored.keys) {
            let keys = roster.senders.entry(Arc::new(stored.source.clone())).or_default();
            // what stands in the configuration ends there alone
            if !keys.iter().any(|known| known.key == stored.key) {
                keys.push(SenderKey { key: stored.key.clone(), expires: stored.expires });
            }
        }
        for token in stored.map_or(&[][..], |stored| &stored.tokens) {
            let viewer = IssuedViewer {
                id: Arc::from(token.id.as_str()),
                admin: token.admin,
                sources: token.sources.clone(),
                expires: token.expires,
            };
            roster.viewers.insert(token.digest, viewer);
        }
        roster.rounds = roster.senders.values().map(Vec::len).max().unwrap_or_default().max(MOST_KEYS);
        roster
    }

    /// Which state of the store this is; none where there is none.
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// Whether no source may send.
    pub fn has_no_senders(&self) -> bool {
        self.senders.is_empty()
    }

    /// Whether no token of the store may watch.
    pub fn has_no_viewers(&self) -> bool {
        self.viewers.is_empty()
    }

    /// Most keys that a source has, or may have: as often is a signature verified where that must tell nothing.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// The source of that name, shared, with its keys in force; none where it has none.
    pub fn keys_of(&self, source: &SourceId, now: Timestamp) -> Option<(Arc<SourceId>, Vec<&PublicKey>)> {
        let (source, keys) = self.senders.get_key_value(source)?;
        let in_force = keys.iter().filter(|key| key.expires.is_none_or(|expires| expires > now));
        let keys: Vec<&PublicKey> = in_force.map(|key| &key.key).collect();
        (!keys.is_empty()).then(|| (Arc::clone(source), keys))
    }

    /// Whether the source has a key in force.
    pub fn knows(&self, source: &SourceId, now: Timestamp) -> bool {
        self.keys_of(source, now).is_some()
    }

    /// The viewer with the token of this SHA-256, and when that ends; none where it is over.
    pub fn viewer(&self, digest: &[u8; 32], now: Timestamp) -> Option<(Viewer, Option<Timestamp>)> {
        let IssuedViewer { admin, sources, expires, .. } = self.viewers.get(digest)?;
        let viewer = Viewer { admin: *admin, sources: sources.clone(), holder: Holder::Issued(*digest) };
        expires.is_none_or(|expires| expires > now).then_some((viewer, *expires))
    }

    /// What the token of this SHA-256 is called by.
    pub fn token_id(&self, digest: &[u8; 32]) -> Option<Arc<str>> {
        self.viewers.get(digest).map(|viewer| Arc::clone(&viewer.id))
    }
}
