//! `GET /api/v1/admin/sources`, `PATCH` and `DELETE /api/v1/admin/sources/{name}`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use vibetea_protocol::api::{RegisteredSources, RenameSource};

use super::super::parameters::Parameters;
use super::body;
use crate::app::App;
use crate::error::Refusal;

pub(super) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<RegisteredSources>, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    Ok(Json(app.access.sources().await?))
}

pub(super) async fn rename(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<StatusCode, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    let wanted: RenameSource = body::read(&app, &headers, body).await?;
    app.access.rename_source(body::known_source(&name)?, body::source(&wanted.name)?).await?;
    tracing::info!(from = name, to = wanted.name, "a source was renamed");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<StatusCode, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    app.access.revoke_source(body::known_source(&name)?).await?;
    tracing::info!(source = name, "a source was revoked");
    Ok(StatusCode::NO_CONTENT)
}
