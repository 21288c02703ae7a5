//! The routes and the layers around them.

mod api;
mod body;
mod dashboard;
mod enrol;
mod events;
mod fallback;
mod health;
mod ingest;
mod intake;
mod metrics;
mod query;
mod rotate;
mod stream;
#[cfg(test)]
mod tests;
mod tickets;
mod totals;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::layers;

/// Every route of the server.
pub fn router(app: &App) -> Router {
    layers::below(&app.base_path, around(app, hosted_routes().merge(other_routes(app))))
}

/// The layers around all routes; the last one added is the first to see a request.
fn around(app: &App, routes: Router<App>) -> Router {
    routes
        .fallback(fallback::not_found)
        .layer(from_fn_with_state(Arc::clone(app), layers::cors))
        .layer(CatchPanicLayer::custom(layers::panic_answer))
        .layer(from_fn_with_state(Arc::clone(app), layers::guard))
        .layer(from_fn_with_state(Arc::clone(app), layers::callers))
        .layer(from_fn_with_state(Arc::clone(app), layers::observe))
        .layer(map_response(layers::security_headers))
        .with_state(Arc::clone(app))
}

fn hosted_routes() -> Router<App> {
    let ingest = post(ingest::post).options(ingest::options);
    let query = get(query::get).options(query::options);
    Router::new()
        .route("/functions/v1/ingest", ingest.clone())
        .route("/ingest", ingest)
        .route("/functions/v1/query", query.clone())
        .route("/query", query)
        .method_not_allowed_fallback(fallback::method_not_allowed)
}

fn other_routes(app: &App) -> Router<App> {
    Router::new()
        .route("/events", post(events::post))
        .route("/ws", get(stream::get))
        .route("/health", get(health::health))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::get))
        .merge(api::routes())
        .merge(dashboard::routes())
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(app), layers::preflights))
}
