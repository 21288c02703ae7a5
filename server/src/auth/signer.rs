//! Which key signed a request that was let in.

use axum::http::HeaderMap;
use vibetea_protocol::SIGNATURE_HEADER;
use vibetea_protocol::signing::{BodySignature, PublicKey};

use super::SignedBody;
use crate::access::Registry;

/// The source's key that made the signature; none where nobody is asked for one.
pub fn signer(access: &Registry, headers: &HeaderMap, signed: &SignedBody) -> Option<PublicKey> {
    let signature = headers.get(SIGNATURE_HEADER)?.to_str().ok()?.trim_ascii();
    let signature = BodySignature::from_base64(signature)?;
    let roster = access.roster();
    let (_, keys) = roster.keys_of(&signed.source, access.now())?;
    keys.into_iter().find(|key| key.verifies(&signed.body, &signature)).cloned()
}
