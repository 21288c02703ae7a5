//! `/api/v1/admin/…`: who may send and who may watch, under an admin token.

mod body;
mod enrolments;
mod sources;
mod tokens;

use axum::Router;
use axum::routing::{delete, get, patch, post};

use crate::app::App;

/// The admin routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/admin/sources", get(sources::list))
        .route("/api/v1/admin/sources/{name}", patch(sources::rename).delete(sources::revoke))
        .route("/api/v1/admin/enrolments", post(enrolments::post))
        .route("/api/v1/admin/tokens", get(tokens::list).post(tokens::create))
        .route("/api/v1/admin/tokens/{id}", delete(tokens::revoke))
        .route("/api/v1/admin/tokens/{id}/rotate", post(tokens::rotate))
}
