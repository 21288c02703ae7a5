//! `/metrics`: figures as Prometheus reads them.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use tokio::time::timeout;
use vibetea_protocol::{ErrorCode, Problem};

use crate::app::{App, AppState};
use crate::auth::bearer;
use crate::backend::Backend;
use crate::error::Refusal;
use crate::metrics::StoreFigures;
use crate::store::SourceFilter;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Longest time the store may take: a scrape ends after ten seconds unless configured otherwise.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    check_scraper(&app, &headers)?;
    ask_store(&app).await;
    let text = app.metrics.text().map_err(|_| Refusal::internal())?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text))
}

/// Where a token is set for those who scrape, it is asked for.
fn check_scraper(app: &AppState, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = &app.metrics_token else { return Ok(()) };
    match bearer(headers) {
        None => Err(Problem::new(
            ErrorCode::MissingAuth,
            "The header Authorization is missing: 'Bearer' and the metrics token are needed",
        )),
        Some(Some(asked)) if token.is(asked) => Ok(()),
        Some(_) => Err(Problem::new(ErrorCode::InvalidToken, "The token is not the right one")),
    }
}

async fn ask_store(app: &AppState) {
    let Backend::Store(store) = &app.backend else { return };
    let (written, totals) = tokio::join!(
        timeout(PATIENCE, store.check_writable()),
        timeout(PATIENCE, store.totals(SourceFilter::All))
    );
    app.metrics.note_store(StoreFigures {
        writable: matches!(written, Ok(Ok(()))),
        totals: totals.ok().and_then(Result::ok),
    });
}
