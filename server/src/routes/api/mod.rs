//! `/api/v1`: what the dashboard and scripts ask beyond the two hosted routes.

mod admin;
mod breakdowns;
mod capabilities;
mod counts;
mod events;
mod openapi;
mod parameters;
mod sessions;
mod viewer;

use axum::Router;
use axum::routing::{get, post};

use super::{enrol, rotate, tickets, totals};
use crate::app::App;

/// The routes of the API.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/capabilities", get(capabilities::get))
        .route("/api/v1/totals", get(totals::get))
        .route("/api/v1/events", get(events::get))
        .route("/api/v1/sessions", get(sessions::list))
        .route("/api/v1/sessions/{id}", get(sessions::one))
        .route("/api/v1/counts", get(counts::get))
        .route("/api/v1/breakdowns", get(breakdowns::get))
        .route("/api/v1/ticket", post(tickets::post))
        .route("/api/v1/viewer", get(viewer::get))
        .route("/api/v1/enrol", post(enrol::post))
        .route("/api/v1/rotate", post(rotate::post))
        .route("/api/v1/openapi.json", get(openapi::get))
        .merge(admin::routes())
}
