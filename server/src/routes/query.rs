//! `GET /query`: events per hour and source of the last 7 or 30 days.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use vibetea_protocol::ErrorCode;
use vibetea_protocol::history::{QueryAnswer, QueryMeta};

use crate::app::App;
use crate::error::Refusal;
use crate::filter::Query;
use crate::layers;
use crate::store::SourceFilter;

pub(super) async fn options() -> Response {
    layers::preflight("GET, OPTIONS", "Authorization, Content-Type")
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<QueryAnswer>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let query = Query::of(&uri);
    let days_requested = match query.given("days") {
        None | Some("7") => 7,
        Some("30") => 30,
        Some(_) => return Err(Refusal::new(ErrorCode::InvalidDays, "days parameter must be 7 or 30")),
    };
    let asked = query.get("source").map_or(SourceFilter::All, |source| SourceFilter::One(source.to_owned()));
    let aggregates = app
        .store()?
        .get_hourly_aggregates(days_requested, asked.within(&viewer.sources))
        .await
        .map_err(|error| app.store_failed(error))?;
    let meta = QueryMeta { total_count: aggregates.len(), days_requested, fetched_at: app.clock.now() };
    Ok(Json(QueryAnswer { aggregates, meta }))
}
