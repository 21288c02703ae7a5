//! How many signatures are verified for a request, which must not tell whether its source is known.

use std::sync::OnceLock;

use vibetea_protocol::signing::PublicKey;

/// Whether one of the keys makes `verify` true. Tries exactly `rounds` keys, or as many as there are where that is more: each
/// of `keys` whatever the others said, then one that is nobody's.
pub(super) fn any_in_rounds(
    keys: &[&PublicKey],
    rounds: usize,
    mut verify: impl FnMut(&PublicKey) -> bool,
) -> bool {
    let mut verified = false;
    for key in keys {
        verified |= verify(key);
    }
    for _ in keys.len()..rounds {
        // whoever holds the other half of that key is let in by it no more than anybody else
        let _ = verify(decoy());
    }
    verified
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
        let counts = verifications(|keys, rounds, verify| any_in_rounds(keys, rounds, verify));
        assert!(counts.iter().all(|count| *count == 4), "{counts:?}");
        // the twin: a rule that stops at the first key that fits, and tries none for an unknown source, is told apart
        let counts = verifications(|keys, _, verify| keys.iter().any(|key| verify(key)));
        assert!(counts.iter().any(|count| *count != 4), "{counts:?}");
    }

    #[test]
    fn the_key_that_is_nobodys_lets_nobody_in() {
        assert!(!any_in_rounds(&[], 4, |_| true));
        assert!(!any_in_rounds(&[&key(1)], 4, |tried| tried == decoy()));
    }
}
