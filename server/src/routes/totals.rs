//! `GET /api/v1/totals`: what the store holds, in a few figures.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use vibetea_protocol::{EventType, Timestamp};

use crate::app::App;
use crate::auth;
use crate::error::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    events: u64,
    sources: u64,
    by_type: BTreeMap<&'static str, u64>,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
}

pub(super) async fn get(State(app): State<App>, headers: HeaderMap) -> Result<Json<Totals>, Refusal> {
    auth::check_bearer(&app.viewers, &headers)?;
    let totals = app.store()?.totals().await.map_err(|error| app.store_failed(error))?;
    Ok(Json(Totals {
        events: totals.events,
        sources: totals.sources,
        by_type: EventType::ALL.map(EventType::as_str).into_iter().zip(totals.by_type).collect(),
        oldest: totals.oldest,
        newest: totals.newest,
    }))
}
