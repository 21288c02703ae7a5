//! Secrets that the server makes. They are shown once; what is kept is a digest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use vibetea_protocol::enrol::Code;

use super::AccessError;
use crate::hex::hex;

/// What our tokens begin with, so that they are known for what they are where they should not be.
const TOKEN_PREFIX: &str = "vt_";

/// What is kept of a token. A secret of 256 bits needs no slower hash.
pub fn token_digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// A token of 256 bits.
pub(super) fn new_token() -> Result<String, AccessError> {
    Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

/// What a token is called by.
pub(super) fn new_id() -> Result<String, AccessError> {
    Ok(format!("tok_{}", hex(&random::<6>()?)))
}

/// A code of 40 bits, `XXXX-XXXX`.
pub(super) fn new_code() -> Result<String, AccessError> {
    Ok(Code::from_bytes(random()?).as_str().to_owned())
}

fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AccessError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_their_form_and_never_come_twice() {
        let token = new_token().unwrap();
        assert_eq!(token.len(), 46);
        assert!(token.starts_with("vt_") && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
        assert_ne!(token, new_token().unwrap());
        let code = new_code().unwrap();
        assert_eq!(code.parse::<Code>().unwrap().as_str(), code);
        assert_ne!(code, new_code().unwrap());
        assert!(new_id().unwrap().starts_with("tok_"));
    }
}
