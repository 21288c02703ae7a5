//! How many signatures are verified for a request, which must not tell whether its source is known.

use std::sync::OnceLock;

use vibetea_protocol::signing::PublicKey;

/// The key that makes `verifies` true. Tries exactly `rounds` keys, or as many as there are where that is more: each of
/// `keys` whatever the others said, then one that is nobody's.
pub(super) fn found_in_rounds<'a>(
    keys: &[&'a PublicKey],
    rounds: usize,
    mut verifies: impl FnMut(&PublicKey) -> bool,
) -> Option<&'a PublicKey> {
    let mut found = None;
    for key in keys {
        if verifies(key) {
            found = Some(*key);
        }
    }
    for _ in keys.len()..rounds {
        // whoever holds the other half of that key is let in by it no more than anybody else
        let _ = verifies(decoy());
    }
    found
}

/// A key like any other that no source has.
fn decoy() -> &'static PublicKey {
    static DECOY: OnceLock<PublicKey> = OnceLock::new();
    DECOY.get_or_init(PublicKey::decoy)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn key(seed: u8) -> PublicKey {
        PublicKey::of(&SigningKey::from_bytes(&[seed; 32]))
    }

    type Rule = fn(&[&PublicKey], usize, &mut dyn FnMut(&PublicKey) -> bool) -> bool;

    /// How often a rule verifies, by how many keys there are and which of them fits.
    fn verifications(rule: Rule) -> Vec<usize> {
        let keys: Vec<PublicKey> = (1..=4).map(key).collect();
        let mut counts = Vec::new();
        for known in 0..=keys.len() {
            let keys: Vec<&PublicKey> = keys.iter().take(known).collect();
            for fitting in 0..=known {
                let mut count = 0;
                let verified = rule(&keys, 4, &mut |tried| {
                    count += 1;
                    keys.get(fitting).is_some_and(|fitting| tried == *fitting)
                });
                assert_eq!(verified, fitting < known);
                counts.push(count);
            }
        }
        counts
    }

    #[test]
    fn the_number_of_verifications_tells_nothing() {
        let counts =
            verifications(|keys, rounds, verifies| found_in_rounds(keys, rounds, verifies).is_some());
        assert!(counts.iter().all(|count| *count == 4), "{counts:?}");
        // the twin: a rule that stops at the first key that fits, and tries none for an unknown source, is told apart
        let counts = verifications(|keys, _, verifies| keys.iter().any(|key| verifies(key)));
        assert!(counts.iter().any(|count| *count != 4), "{counts:?}");
    }

    #[test]
    fn the_key_that_is_nobodys_lets_nobody_in() {
        assert_eq!(found_in_rounds(&[], 4, |_| true), None);
        assert_eq!(found_in_rounds(&[&key(1)], 4, |tried| tried == decoy()), None);
    }
}
