//! `GET /api/v1/breakdowns`: events by tool, project, source and type.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::api::{Breakdowns, BreakdownsMeta};

use super::parameters::Parameters;
use crate::app::App;
use crate::error::Refusal;
use crate::store::BreakdownsQuestion;

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Breakdowns>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let parameters = Parameters::of(&uri, &["from", "to", "source", "project"])?;
    let (range, from, to) = parameters.range()?;
    let (sources, project) = (parameters.sources(&viewer)?, parameters.name("project"));
    let question = BreakdownsQuestion { sources, project, range };
    let answer = app.history()?.breakdowns(question).await.map_err(|error| app.store_failed(error))?;
    Ok(Json(Breakdowns {
        tools: answer.tools,
        projects: answer.projects,
        sources: answer.sources,
        types: answer.types,
        meta: BreakdownsMeta { from, to, total_count: answer.total, fetched_at: app.clock.now() },
    }))
}
