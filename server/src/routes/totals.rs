//! `GET /api/v1/totals`: what the store holds, in a few figures.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use crate::app::App;
use crate::auth;
use crate::error::Refusal;
use crate::store::Totals;

pub(super) async fn get(State(app): State<App>, headers: HeaderMap) -> Result<Json<Totals>, Refusal> {
    auth::check_bearer(&app.viewers, &headers)?;
    let totals = app.store()?.totals().await.map_err(|error| app.store_failed(error))?;
    Ok(Json(totals))
}
