//! `GET /api/v1/sessions` and `GET /api/v1/sessions/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::ErrorCode;
use vibetea_protocol::api::{Session, SessionPage, SessionState};

use super::parameters::{Parameters, wrong};
use crate::app::App;
use crate::error::Refusal;
use crate::store::SessionsQuestion;

const KNOWN: [&str; 7] = ["source", "project", "from", "to", "state", "limit", "before"];

pub(super) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<SessionPage>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let parameters = Parameters::of(&uri, &KNOWN)?;
    let (range, ..) = parameters.range()?;
    let now = app.clock.now();
    let question = SessionsQuestion {
        sources: parameters.sources(&viewer)?,
        project: parameters.name("project"),
        range,
        state: parameters.read("state", "active, idle, ended", |word| {
            SessionState::ALL.into_iter().find(|state| state.as_str() == word)
        })?,
        limit: parameters.limit(200, 50)?,
        before: parameters.parsed("before", "a cursor from an earlier answer")?,
        now,
    };
    let page = app.history()?.sessions(question).await.map_err(|error| app.store_failed(error))?;
    Ok(Json(SessionPage {
        sessions: page.sessions,
        older: page.older.map(|position| position.to_string()),
        fetched_at: now,
    }))
}

pub(super) async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Session>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    let sources = Parameters::of(&uri, &["source"])?.sources(&viewer)?;
    let found = app.history()?.session(id, sources, app.clock.now()).await;
    let mut found = found.map_err(|error| app.store_failed(error))?;
    match (found.pop(), found.pop()) {
        (Some(session), None) => Ok(Json(session)),
        (None, _) => Err(Refusal::new(ErrorCode::NotFound, "There is no such session")),
        (Some(_), Some(_)) => {
            Err(wrong("source", "", "one of the sources that have a session of this id").into())
        }
    }
}
