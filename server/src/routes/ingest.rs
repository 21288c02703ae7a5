//! `POST /ingest`: batches, stored and not broadcast.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use vibetea_protocol::batch::IdRule;
use vibetea_protocol::history::IngestAnswer;

use super::intake;
use crate::app::App;
use crate::auth;
use crate::error::Refusal;
use crate::layers;
use crate::store::Route;
use crate::upkeep::Question;

pub(super) async fn options() -> Response {
    layers::preflight("POST, OPTIONS", "Content-Type, X-Source-ID, X-Signature")
}

pub(super) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<(Question, Json<IngestAnswer>), Refusal> {
    let signed = auth::receive(&app.access, &app.unverified, &headers, body, app.max_ingest_body).await?;
    app.access.saw_source(&signed.source, &headers);
    let question = app.asking.of(&signed.source);
    let batch = intake::batch(&signed, IdRule::LowerCase, Route::Batch)?;
    let received = batch.events.len() as u64;
    let inserted = intake::store(&app, batch).await?;
    app.metrics.count_batch("ingest", received, inserted);
    Ok((question, Json(IngestAnswer::new(received, inserted))))
}
