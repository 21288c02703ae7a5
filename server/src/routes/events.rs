//! `POST /events`: the live path, stored and broadcast once.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use vibetea_protocol::ErrorCode;
use vibetea_protocol::batch::IdRule;

use super::intake;
use crate::app::App;
use crate::auth;
use crate::backend::Backend;
use crate::error::Refusal;
use crate::store::Route;
use crate::upkeep::Question;

pub(super) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Question, ()), Refusal> {
    let signed = auth::receive(&app.access, &app.unverified, &headers, body, app.max_events_body).await?;
    app.access.saw_source(&signed.source, &headers);
    app.admit(&signed.source)?;
    let question = app.asking.of(&signed.source);
    let batch = intake::batch(&signed, IdRule::AnyCase, Route::Live)
        .map_err(|problem| live_status(problem.into()))?;
    let received = batch.events.len();
    app.rate.debit(&signed.source, received, Instant::now());
    let stored = match &app.backend {
        Backend::Store(_) => intake::store(&app, batch).await?,
        Backend::Relay(relay) => relay.publish(&batch.source, batch.events) as u64,
    };
    app.metrics.count_batch("events", received as u64, stored);
    Ok((StatusCode::ACCEPTED, question, ()))
}

/// This route answers 400 where the batch route answers 422.
fn live_status(refusal: Refusal) -> Refusal {
    match refusal.code() {
        ErrorCode::InvalidEventType | ErrorCode::SourceMismatch => refusal.with_status(400),
        _ => refusal,
    }
}
