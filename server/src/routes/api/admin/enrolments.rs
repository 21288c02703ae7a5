//! `POST /api/v1/admin/enrolments`: a code with which one monitor joins.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::{Extension, Json};
use vibetea_protocol::ErrorCode;
use vibetea_protocol::api::{Enrolment, NewEnrolment};

use super::super::parameters::Parameters;
use super::body;
use crate::app::{App, AppState};
use crate::callers::Caller;
use crate::config::{AllowedHost, PublicUrl};
use crate::error::Refusal;
use crate::store::CODE_LIFETIME;

pub(super) async fn post(
    State(app): State<App>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Json<Enrolment>, Refusal> {
    app.administrator(&headers)?;
    Parameters::of(&uri, &[])?;
    let wanted: NewEnrolment = body::read(&app, &headers, body).await?;
    let source = body::source(&wanted.source)?;
    let address = address(&app, &headers, caller.as_deref())?;
    let code = app.access.create_code(source.clone()).await?;
    tracing::info!(source = source.as_str(), "a code to join with was made");
    let command = address.line_for(&code);
    let expires_in_seconds = CODE_LIFETIME.as_secs();
    Ok(Json(Enrolment { source: wanted.source, code, command, expires_in_seconds }))
}

/// By which address this server is reached: the one that the operator named, or the one it was called by. A page tells
/// its scheme in `Origin`; beyond this machine it is https.
fn address(app: &AppState, headers: &HeaderMap, caller: Option<&Caller>) -> Result<PublicUrl, Refusal> {
    if let Some(public) = &app.public_url {
        return Ok(public.clone());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let address = text(header::HOST).and_then(|host| {
        let is_loopback = AllowedHost::parse(host)?.is_loopback();
        let plain = text(header::ORIGIN) == Some(format!("http://{host}").as_str()) || is_loopback;
        let scheme = if plain && !caller.is_some_and(|caller| caller.secure) { "http" } else { "https" };
        PublicUrl::parse(&format!("{scheme}://{host}{}", app.base_path))
    });
    address.ok_or_else(|| {
        Refusal::new(
            ErrorCode::InvalidRequest,
            "The request names no host by which this server is reached; set VIBETEA_PUBLIC_URL",
        )
    })
}
