//! `GET /api/v1/viewer`: what the token opens.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use vibetea_protocol::api::Viewer;

use super::parameters::Parameters;
use crate::app::App;
use crate::auth::Holder;
use crate::error::Refusal;

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Viewer>, Refusal> {
    let viewer = app.access.viewer(&headers)?;
    Parameters::of(&uri, &[])?;
    let token = match viewer.holder {
        Holder::Issued(digest) => app.access.roster().token_id(&digest),
        Holder::Anybody | Holder::Configured => None,
    };
    Ok(Json(Viewer {
        admin: viewer.admin,
        sources: viewer.sources.names(),
        token: token.map(|id| id.as_ref().to_owned()),
    }))
}
