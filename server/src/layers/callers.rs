//! What one address may ask, before anything else is looked at: a path that is not there and a name that is not this
//! server's count too.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::cors::Mark;
use crate::app::App;
use crate::auth;
use crate::callers::Peer;
use crate::error::Refusal;
use crate::listener::Place;

/// Tells the handlers who asks, and refuses who asks too often. Whether the process lives may always be asked.
pub(crate) async fn callers(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().copied() else { return next.run(request).await };
    let caller = app.callers.caller(peer, request.headers());
    request.extensions_mut().insert(caller);
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if matches!(path, Some("/health" | "/livez")) {
        return next.run(request).await;
    }
    if let Err(seconds) = app.callers.admit(&caller, Instant::now()) {
        return refuse(&app, request, Refusal::address_limited(seconds));
    }
    if request.headers().contains_key(header::UPGRADE) {
        match app.callers.subscribe(&caller) {
            Err(_) => return refuse(&app, request, Refusal::too_many_streams()),
            Ok(Some(held)) => {
                if let Some(place) = request.extensions_mut().get_mut::<Place>() {
                    *place = place.clone().with(held);
                }
            }
            Ok(None) => {}
        }
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        app.callers.note_failure(&caller, Instant::now());
    }
    response
}

/// Pages may know why, as of any other answer.
fn refuse(app: &App, request: Request, refusal: Refusal) -> Response {
    app.metrics.address_limited.inc();
    let mark = Mark::of(&request, &app.cors);
    auth::linger(request.into_body());
    mark.put_on(refusal.into_response())
}
