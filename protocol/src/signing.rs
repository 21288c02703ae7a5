//! Ed25519 over the raw body bytes, verified strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

/// A public key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not standard base64 with padding.
    #[error("the key is not standard base64")]
    Encoding,
    /// Not 32 bytes.
    #[error("the key is not 32 bytes long")]
    Length,
    /// No point of the curve.
    #[error("the key is no Ed25519 public key")]
    Point,
    /// Of small order: it would accept signatures that nobody made.
    #[error("the key is weak (of small order) and proves nothing")]
    Weak,
}

/// A key that signatures are checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads standard base64 of 32 bytes; refuses weak keys and encodings of a point that are not its own.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidKey::Encoding)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| InvalidKey::Length)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey::Point)?;
        if key.is_weak() {
            return Err(InvalidKey::Weak);
        }
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(InvalidKey::Point);
        }
        Ok(Self(key))
    }

    /// The public half of a signing key.
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// A key that stands in for one of a source that there is not, so that its signatures take as long to refuse. Whoever
    /// verifies with it must not let anybody in: its private half is no secret.
    pub fn decoy() -> Self {
        Self::of(&SigningKey::from_bytes(&[0x7e; 32]))
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key as standard base64.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Whether this key's owner signed these bytes; strict, so no signature has two forms.
    pub fn verifies(&self, body: &[u8], signature: &BodySignature) -> bool {
        self.0.verify_strict(body, &signature.0).is_ok()
    }
}

/// A signature as the header carries it.
#[derive(Debug, Clone)]
pub struct BodySignature(Signature);

impl BodySignature {
    /// Reads standard base64 of 64 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = [0; 64];
        // 64 bytes are 88 characters; anything longer is not decoded at all
        if text.len() != 88 || STANDARD.decode_slice(text, &mut bytes).ok()? != 64 {
            return None;
        }
        Some(Self(Signature::from_bytes(&bytes)))
    }
}

/// The value of the signature header for these body bytes.
pub fn sign_body(key: &SigningKey, body: &[u8]) -> String {
    STANDARD.encode(key.sign(body).to_bytes())
}

#[cfg(test)]
mod strict;

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    #[test]
    fn only_the_signed_bytes_verify() {
        let public = PublicKey::of(&key());
        let signature = BodySignature::from_base64(&sign_body(&key(), b"[]")).unwrap();
        assert!(public.verifies(b"[]", &signature));
        assert!(!public.verifies(b"[ ]", &signature));
        assert_eq!(PublicKey::from_base64(&public.to_base64()), Ok(public));
    }

    /// The eight points of small order, in every encoding a lenient decoder takes.
    #[test]
    fn weak_and_misspelt_keys_are_refused() {
        let small_order = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for hex in small_order {
            let bytes: Vec<u8> =
                (0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
            assert!(PublicKey::from_base64(&STANDARD.encode(bytes)).is_err(), "{hex}");
        }
        assert_eq!(PublicKey::from_base64("AA=="), Err(InvalidKey::Length));
        assert_eq!(PublicKey::from_base64("not base64!"), Err(InvalidKey::Encoding));
    }

    #[test]
    fn a_signature_has_one_spelling() {
        let good = sign_body(&key(), b"x");
        assert!(BodySignature::from_base64(good.trim_end_matches('=')).is_none());
        assert!(BodySignature::from_base64(&format!("{good}AAAA")).is_none());
        assert!(BodySignature::from_base64(&good.replacen(char::is_alphanumeric, "-", 1)).is_none());
        assert!(BodySignature::from_base64("").is_none());
    }
}
