//! The access log and the request figures. Neither has the query string, which may hold a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use vibetea_protocol::ErrorCode;

use crate::app::App;
use crate::metrics::RequestLabels;

/// Logs and counts a request.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let took = begun.elapsed();
    let status = response.status().as_u16();
    let code = response.extensions().get::<ErrorCode>().copied();
    let refused = code.map(ErrorCode::as_str);
    // to the microsecond: more digits are noise
    let millis = (took.as_secs_f64() * 1e6).round() / 1e3;
    // probes ask every few seconds and say nothing; who asks too often shall not fill the log
    let is_probe = matches!(route.as_str(), "/health" | "/livez" | "/readyz" | "/metrics");
    if is_probe || response.status() == StatusCode::TOO_MANY_REQUESTS {
        tracing::debug!(method, route, status, refused, duration_ms = millis, "request");
    } else {
        tracing::info!(method, route, status, refused, duration_ms = millis, "request");
    }
    if let Some(code) = code {
        app.metrics.count_refusal(code);
    }
    app.metrics.count_request(&RequestLabels { method, route, status }, took.as_secs_f64());
    response
}

/// Methods that no route knows are one, as a client may invent any number of them.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
