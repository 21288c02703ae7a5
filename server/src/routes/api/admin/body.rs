//! Bodies of the admin routes: small, JSON, and with no field that is not known.

use std::time::Duration;

use axum::body::Body;
use serde::de::DeserializeOwned;
use vibetea_protocol::{ErrorCode, SourceId};

use crate::error::Refusal;

const MOST_BYTES: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

/// What the body says.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = tokio::time::timeout(DEADLINE, axum::body::to_bytes(body, MOST_BYTES))
        .await
        .map_err(|_| {
            Refusal::new(
                ErrorCode::RequestTimeout,
                format!("The body did not arrive within {} seconds", DEADLINE.as_secs()),
            )
        })?
        .map_err(|_| {
            Refusal::new(
                ErrorCode::PayloadTooLarge,
                format!("The body is larger than {MOST_BYTES} bytes, or ends too early"),
            )
        })?;
    // a list of the fields' values would be read as well
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::new(ErrorCode::InvalidRequest, "The body is no JSON object"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::new(ErrorCode::InvalidRequest, format!("The body cannot be read: {error}")))
}

/// A name that a source could have.
pub(super) fn source(name: &str) -> Result<SourceId, Refusal> {
    name.parse()
        .map_err(|error| Refusal::new(ErrorCode::InvalidRequest, format!("The name is no source: {error}")))
}

/// A name in the address; one that no source could have is that of none.
pub(super) fn known_source(name: &str) -> Result<SourceId, Refusal> {
    name.parse().map_err(|_| Refusal::new(ErrorCode::NotFound, "There is no such source"))
}
