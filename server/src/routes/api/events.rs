//! `GET /api/v1/events`: stored events by time and id, in pages both ways.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::Problem;
use vibetea_protocol::api::EventPage;

use super::parameters::{Parameters, wrong};
use crate::app::App;
use crate::auth::Viewer;
use crate::error::Refusal;
use crate::store::{EventFilter, EventsQuestion, Side};

const KNOWN: [&str; 10] =
    ["source", "project", "tool", "type", "session", "from", "to", "limit", "before", "after"];
const CURSOR: &str = "a cursor from an earlier answer";

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<EventPage>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let question = question(&Parameters::of(&uri, &KNOWN)?, &viewer)?;
    let page = app.history()?.events(question).await.map_err(|error| app.store_failed(error))?;
    Ok(Json(EventPage {
        events: page.events,
        older: page.older.map(|position| position.to_string()),
        newer: page.newer.map(|position| position.to_string()),
    }))
}

fn question(parameters: &Parameters, viewer: &Viewer) -> Result<EventsQuestion, Problem> {
    let filter = EventFilter {
        sources: parameters.sources(viewer)?,
        project: parameters.name("project"),
        tool: parameters.name("tool"),
        event_type: parameters.event_type()?,
        session: parameters.name("session"),
    };
    let (range, ..) = parameters.range()?;
    let limit = parameters.limit(500, 100)?;
    let side = match (parameters.parsed("before", CURSOR)?, parameters.parsed("after", CURSOR)?) {
        (None, None) => Side::Newest,
        (Some(before), None) => Side::Before(before),
        (None, Some(after)) => Side::After(after),
        (Some(_), Some(after)) => {
            return Err(wrong("after", &after.to_string(), "one of before and after"));
        }
    };
    Ok(EventsQuestion { filter, range, side, limit })
}
