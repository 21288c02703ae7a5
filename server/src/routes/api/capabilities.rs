//! `GET /api/v1/capabilities`: what this server can do.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::api::{Capabilities, VERSION};

use super::parameters::Parameters;
use crate::app::App;
use crate::backend::Backend;
use crate::error::Refusal;

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Capabilities>, Refusal> {
    app.access.viewer(&headers)?;
    Parameters::of(&uri, &[])?;
    Ok(Json(Capabilities {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: VERSION,
        history: matches!(app.backend, Backend::Store(_)),
    }))
}
