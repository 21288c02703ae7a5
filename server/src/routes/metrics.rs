//! `/metrics`: figures in Prometheus text.

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::app::App;
use crate::error::Refusal;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn get(
    State(app): State<App>,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    let text = app.metrics.text().map_err(|_| Refusal::internal())?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text))
}
