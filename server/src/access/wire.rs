//! What is kept of who may, in the words of the API.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use vibetea_protocol::Timestamp;
use vibetea_protocol::api::{RegisteredKey, RegisteredSource, RegisteredSources, ViewerToken, ViewerTokens};
use vibetea_protocol::signing::PublicKey;

use crate::auth::Keys;
use crate::hex::hex;
use crate::store::{Activity, SourceEntry, StoredToken};

/// Every source that stands in the configuration, or is or was registered, by name.
pub fn registered_sources(
    configured: &Keys,
    stored: Vec<SourceEntry>,
    activity: Vec<Activity>,
    now: Timestamp,
) -> RegisteredSources {
    let mut sources: BTreeMap<String, RegisteredSource> = BTreeMap::new();
    for (name, keys) in configured.sources() {
        let source = entry(&mut sources, name.as_str());
        source.configured = true;
        source.keys.extend(keys.iter().map(|key| registered_key(key, None, None)));
    }
    for stored in stored {
        let source = entry(&mut sources, stored.name.as_str());
        // what the configuration lets in is not revoked
        source.revoked = stored.revoked.filter(|_| !source.configured);
        let in_force = stored.keys.iter().filter(|key| key.expires.is_none_or(|expires| expires > now));
        source.keys.extend(in_force.map(|key| registered_key(&key.key, Some(key.added), key.expires)));
    }
    for Activity { source, sighting } in activity {
        if let Some(source) = sources.get_mut(&source) {
            source.last_seen = Some(sighting.seen);
            source.last_event = sighting.event;
            source.version = sighting.version;
        }
    }
    RegisteredSources { sources: sources.into_values().collect() }
}

fn entry<'a>(sources: &'a mut BTreeMap<String, RegisteredSource>, name: &str) -> &'a mut RegisteredSource {
    sources.entry(name.to_owned()).or_insert_with(|| RegisteredSource {
        name: name.to_owned(),
        configured: false,
        keys: Vec::new(),
        revoked: None,
        last_seen: None,
        last_event: None,
        version: None,
    })
}

fn registered_key(key: &PublicKey, added: Option<Timestamp>, expires: Option<Timestamp>) -> RegisteredKey {
    let fingerprint = hex(&Sha256::digest(key.as_bytes())[..8]);
    RegisteredKey { fingerprint, added, expires }
}

/// The tokens, in their order.
pub fn viewer_tokens(stored: Vec<StoredToken>) -> ViewerTokens {
    ViewerTokens { tokens: stored.into_iter().map(viewer_token).collect() }
}

/// A token, without what it is recognised by.
pub fn viewer_token(stored: StoredToken) -> ViewerToken {
    ViewerToken {
        sources: stored.sources.names(),
        id: stored.id,
        name: stored.name,
        admin: stored.admin,
        created: stored.created,
        expires: stored.expires,
        last_used: stored.last_used,
    }
}
