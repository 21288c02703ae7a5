//! `POST /api/v1/ticket`: a single-use ticket for `/ws`, as a browser cannot send a header there.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use vibetea_protocol::api::Ticket;

use crate::app::App;
use crate::auth;
use crate::error::Refusal;

pub(super) async fn post(State(app): State<App>, headers: HeaderMap) -> Result<Json<Ticket>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let ticket = auth::new_ticket().map_err(|error| {
        tracing::error!(%error, "the system has no randomness");
        Refusal::internal()
    })?;
    app.keep_ticket(auth::ticket_digest(&ticket), viewer.holder).await?;
    Ok(Json(Ticket { ticket, expires_in_seconds: auth::TICKET_LIFETIME.as_secs() }))
}
