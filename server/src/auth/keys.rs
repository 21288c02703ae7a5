//! The registered senders and their public keys.

use std::collections::HashMap;
use std::sync::Arc;

use vibetea_protocol::SourceId;
use vibetea_protocol::signing::{InvalidKey, PublicKey};

/// Public keys by source; a source has several while its key is being changed.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    by_source: Arc<HashMap<Arc<SourceId>, Vec<PublicKey>>>,
}

/// An entry of the list is no source with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// The list holds no entry.
    #[error("the list is empty")]
    Empty,
    /// No colon, or nothing before it that could be a source.
    #[error("entry {0} is not of the form source:base64key")]
    Entry(usize),
    /// What stands behind the colon is no key that can be used.
    #[error("the key of source {source_name:?}, entry {entry}: {error}")]
    Key {
        /// Place in the list, from 1.
        entry: usize,
        /// The source the key was meant for.
        source_name: String,
        /// What is wrong with it.
        error: InvalidKey,
    },
}

impl Keys {
    /// Reads `source:base64key,source2:base64key2`; spaces and empty entries are passed over.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let mut by_source: HashMap<Arc<SourceId>, Vec<PublicKey>> = HashMap::new();
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            let number = index + 1;
            // base64 holds no colon, so the last one parts the two whatever the source is called
            let (source, key) = entry.rsplit_once(':').ok_or(InvalidKeys::Entry(number))?;
            let source: SourceId = source.trim().parse().map_err(|_| InvalidKeys::Entry(number))?;
            let key = PublicKey::from_base64(key.trim()).map_err(|error| InvalidKeys::Key {
                entry: number,
                source_name: source.as_str().to_owned(),
                error,
            })?;
            let keys = by_source.entry(Arc::new(source)).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if by_source.is_empty() {
            return Err(InvalidKeys::Empty);
        }
        Ok(Self { by_source: Arc::new(by_source) })
    }

    /// Every source, in no order, with its keys.
    pub fn sources(&self) -> impl Iterator<Item = (&Arc<SourceId>, &[PublicKey])> {
        self.by_source.iter().map(|(source, keys)| (source, keys.as_slice()))
    }

    /// The source of that name, shared, with its keys.
    pub fn of(&self, source: &SourceId) -> Option<(Arc<SourceId>, &[PublicKey])> {
        self.by_source.get_key_value(source).map(|(source, keys)| (Arc::clone(source), keys.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn key(seed: u8) -> String {
        PublicKey::of(&SigningKey::from_bytes(&[seed; 32])).to_base64()
    }

    #[test]
    fn a_source_may_have_several_keys_and_a_colon_in_its_name() {
        let keys =
            Keys::parse(&format!(" a:{},b:c:{}\n a:{} ,a:{},", key(1), key(2), key(3), key(1))).unwrap();
        assert_eq!(keys.of(&"a".parse().unwrap()).unwrap().1.len(), 2);
        assert_eq!(keys.of(&"b:c".parse().unwrap()).unwrap().1.len(), 1);
        assert!(keys.of(&"A".parse().unwrap()).is_none());
    }

    #[test]
    fn weak_short_and_nameless_keys_are_refused() {
        let weak = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let refused = |text: &str| Keys::parse(text).unwrap_err().to_string();
        assert_eq!(
            refused(&format!("good:{},bad:{weak}", key(1))),
            "the key of source \"bad\", entry 2: the key is weak (of small order) and proves nothing"
        );
        assert_eq!(refused("a:AAAA"), "the key of source \"a\", entry 1: the key is not 32 bytes long");
        assert_eq!(refused(&key(1)), "entry 1 is not of the form source:base64key");
        assert_eq!(refused(&format!(":{}", key(1))), "entry 1 is not of the form source:base64key");
        assert_eq!(refused(" , "), "the list is empty");
    }
}
