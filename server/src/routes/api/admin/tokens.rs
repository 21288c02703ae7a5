//! `GET` and `POST /api/v1/admin/tokens`, `DELETE /api/v1/admin/tokens/{id}`, `POST /api/v1/admin/tokens/{id}/rotate`.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use vibetea_protocol::ErrorCode;
use vibetea_protocol::api::{IssuedToken, NewViewerToken, ViewerTokens};

use super::super::parameters::Parameters;
use super::body;
use crate::access::viewer_token;
use crate::app::App;
use crate::error::Refusal;
use crate::store::{self, MOST_TOKEN_DAYS, NewToken};

pub(super) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<ViewerTokens>, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    Ok(Json(app.access.tokens().await?))
}

pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Json<IssuedToken>, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    let wanted = wanted(body::read(&app, &headers, body).await?)?;
    let issued = app.access.create_token(wanted).await?;
    tracing::info!(id = issued.entry.id, admin = issued.entry.admin, "a token was made");
    Ok(Json(shown(issued)))
}

pub(super) async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<IssuedToken>, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    let issued = app.access.rotate_token(id).await?;
    tracing::info!(id = issued.entry.id, "a token was replaced");
    Ok(Json(shown(issued)))
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<StatusCode, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    let revoked = app.access.revoke_token(id).await?;
    tracing::info!(id = revoked.id, "a token was revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(asked: NewViewerToken) -> Result<NewToken, Refusal> {
    let NewViewerToken { name, admin, sources, expires_in_days } = asked;
    let sources = sources
        .map(|sources| sources.iter().map(|source| body::source(source)).collect::<Result<_, _>>())
        .transpose()?;
    if expires_in_days.is_some_and(|days| !(1..=MOST_TOKEN_DAYS).contains(&days)) {
        return Err(Refusal::new(
            ErrorCode::InvalidRequest,
            format!("expiresInDays is a whole number from 1 to {MOST_TOKEN_DAYS}"),
        ));
    }
    let lifetime = expires_in_days.map(|days| Duration::from_hours(24 * u64::from(days)));
    Ok(NewToken { name, admin, sources, lifetime })
}

fn shown(issued: store::IssuedToken) -> IssuedToken {
    IssuedToken { token: issued.token.expose(), entry: viewer_token(issued.entry) }
}
