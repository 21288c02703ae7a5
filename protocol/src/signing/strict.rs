//! Signatures that a lax verifier takes, though they prove nothing: points of small order in the key or in R.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::Verifier as _;
use sha2::{Digest as _, Sha512};

use super::*;

/// A public key with the scalar behind it, and a point of small order mixed into it.
struct Mixed {
    scalar: Scalar,
    key: VerifyingKey,
}

impl Mixed {
    fn new(scalar: Scalar, small: EdwardsPoint) -> Self {
        let point = EdwardsPoint::mul_base(&scalar) + small;
        Self { scalar, key: VerifyingKey::from_bytes(&point.compress().to_bytes()).unwrap() }
    }

    /// The signature with this R: its S is r and the challenge times the scalar, where R is r times the base.
    fn signature(&self, (r, point): (Scalar, EdwardsPoint), body: &[u8]) -> Signature {
        let point = point.compress();
        let hash =
            Sha512::new().chain_update(point.as_bytes()).chain_update(self.key.as_bytes()).chain_update(body);
        let s = r + Scalar::from_hash(hash) * self.scalar;
        Signature::from_components(point.to_bytes(), s.to_bytes())
    }

    /// Whether a lax verifier takes it, and whether ours does.
    fn taken(&self, body: &[u8], signature: Signature) -> (bool, bool) {
        let lax = self.key.verify(body, &signature).is_ok();
        (lax, PublicKey(self.key).verifies(body, &BodySignature(signature)))
    }
}

fn scalar() -> Scalar {
    SigningKey::from_bytes(&[7; 32]).to_scalar()
}

fn bodies() -> impl Iterator<Item = Vec<u8>> {
    (0..1000).map(|number| format!("[{number}]").into_bytes())
}

fn identity() -> EdwardsPoint {
    EIGHT_TORSION[0]
}

/// What is made above is a signature, so what is refused below is refused for its points.
#[test]
fn an_honest_point_passes_both() {
    let key = Mixed::new(scalar(), identity());
    let r = Scalar::from(12_345_u32);
    for body in bodies().take(8) {
        let signature = key.signature((r, EdwardsPoint::mul_base(&r)), &body);
        assert_eq!(key.taken(&body, signature), (true, true));
    }
}

#[test]
fn the_identity_as_r_is_refused_though_it_adds_up() {
    let key = Mixed::new(scalar(), identity());
    for body in bodies().take(8) {
        let signature = key.signature((Scalar::ZERO, identity()), &body);
        assert_eq!(key.taken(&body, signature), (true, false));
    }
}

/// One signature for every body: 0 and the identity under a key that is the identity.
#[test]
fn a_signature_that_fits_every_body_is_refused() {
    let weak = Mixed::new(Scalar::ZERO, identity());
    let mut first = [0; 64];
    first[0] = 1;
    let r = Scalar::from(12_345_u32);
    let second = weak.signature((r, EdwardsPoint::mul_base(&r)), b"");
    for body in bodies().take(8) {
        assert_eq!(weak.taken(&body, Signature::from_bytes(&first)), (true, false));
        // neither does a good R make a weak key prove something
        assert_eq!(weak.taken(&body, second), (true, false));
    }
}

/// Each of the eight points as R, under a key that has a part of order eight and is not weak by itself.
#[test]
fn every_point_of_small_order_is_refused_as_r() {
    let key = Mixed::new(scalar(), EIGHT_TORSION[1]);
    assert!(PublicKey::from_base64(&STANDARD.encode(key.key.as_bytes())).is_ok());
    for point in EIGHT_TORSION {
        let found = bodies().find_map(|body| {
            let (lax, ours) = key.taken(&body, key.signature((Scalar::ZERO, point), &body));
            assert!(!ours, "{body:?}");
            lax.then_some(())
        });
        assert!(found.is_some(), "a lax verifier takes it for one body in eight");
    }
}
