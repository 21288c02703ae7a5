//! Bodies of the admin routes, and the names in them.

use axum::body::Body;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use vibetea_protocol::{ErrorCode, SourceId};

use crate::app::AppState;
use crate::auth;
use crate::error::Refusal;
use crate::routes::body::object;

const MOST_BYTES: usize = 64 * 1024;

/// What the body says.
pub(super) async fn read<T: DeserializeOwned>(
    app: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    let bytes = auth::receive_unsigned(&app.unverified, headers, body, MOST_BYTES).await?;
    Ok(object(&bytes, |error| format!("The body cannot be read: {error}"))?)
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
