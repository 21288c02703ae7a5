//! `/` and the files of the dashboard, from the program itself.

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::app::App;
use crate::assets;

const MISSING: &str = "This server was built without its dashboard. `cargo xtask up` and `cargo xtask build` \
build it in; they need Node 20.19 or newer. Everything else works.\n";

/// A route for each file, so that no path leads anywhere else.
pub(super) fn routes() -> Router<App> {
    let files = assets::files().fold(Router::new(), |router, asset| {
        let answer = move |headers: HeaderMap| async move { asset.answer(&headers) };
        router.route(&format!("/{}", asset.path), get(answer))
    });
    files.route("/", get(page))
}

async fn page(headers: HeaderMap) -> Response {
    match assets::page() {
        Some(page) => page.answer(&headers),
        None => ([(header::CACHE_CONTROL, "no-cache")], MISSING).into_response(),
    }
}
