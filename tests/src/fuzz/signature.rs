//! What senders show: a signature, and the key it is checked with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::{BodySignature, PublicKey, sign_body};

const BODY: &[u8] = b"[]";

/// A signature and a key have one spelling, and no signature is good but the one that the key made.
pub fn signature_header(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = SigningKey::from_bytes(&[1; 32]);
    if let Some(signature) = BodySignature::from_base64(text) {
        let bytes = STANDARD.decode(text).expect("it was read as base64");
        assert_eq!(bytes.len(), 64);
        assert_eq!(STANDARD.encode(bytes), text);
        let verified = PublicKey::of(&key).verifies(BODY, &signature);
        assert_eq!(verified, text == sign_body(&key, BODY), "{text}");
    }
    if let Ok(key) = PublicKey::from_base64(text) {
        assert_eq!(key.to_base64(), text);
    }
}
