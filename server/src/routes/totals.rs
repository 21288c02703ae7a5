//! `GET /api/v1/totals`: what the store holds, in a few figures.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use vibetea_protocol::EventType;
use vibetea_protocol::api::Totals;

use crate::app::App;
use crate::error::Refusal;

pub(super) async fn get(State(app): State<App>, headers: HeaderMap) -> Result<Json<Totals>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let totals = app.store()?.totals(viewer.sources).await.map_err(|error| app.store_failed(error))?;
    Ok(Json(Totals {
        events: totals.events,
        sources: totals.sources,
        by_type: EventType::ALL.into_iter().zip(totals.by_type).collect(),
        oldest: totals.oldest,
        newest: totals.newest,
    }))
}
