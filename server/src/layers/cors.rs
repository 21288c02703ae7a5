//! Which pages of other origins may call. Marks every answer, refusals included.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::config::CorsOrigins;

/// No browser sends a token of its own accord, so answering every origin gives nothing away.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// For the hosted routes, which pages of any origin may call unless the operator lists some. Their preflights
/// are answered by a handler each, see [`preflight`].
pub(crate) async fn cors_hosted(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = allowed_origin(&app.cors, request.headers(), true);
    let response = next.run(request).await;
    mark(response, &app.cors, origin)
}

/// For all other routes, which pages of other origins may call only where the operator says so.
pub(crate) async fn cors_elsewhere(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.cors == CorsOrigins::HostedRoutes {
        return next.run(request).await;
    }
    let origin = allowed_origin(&app.cors, request.headers(), false);
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let response = if is_preflight {
        preflight("GET, POST, OPTIONS", "Authorization, Content-Type, X-Source-ID, X-Signature")
    } else {
        next.run(request).await
    };
    mark(response, &app.cors, origin)
}

/// The answer to a preflight: which methods a page may use and which headers it may send.
pub(crate) fn preflight(methods: &'static str, headers: &'static str) -> Response {
    let told: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods)),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(headers)),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, told).into_response()
}

fn allowed_origin(cors: &CorsOrigins, headers: &HeaderMap, hosted: bool) -> Option<HeaderValue> {
    match cors {
        CorsOrigins::HostedRoutes => hosted.then_some(ANY),
        CorsOrigins::Any => Some(ANY),
        CorsOrigins::Listed(origins) => headers
            .get(header::ORIGIN)
            .filter(|asked| {
                origins.iter().any(|origin| asked.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
            })
            .cloned(),
    }
}

fn mark(mut response: Response, cors: &CorsOrigins, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if matches!(cors, CorsOrigins::Listed(_)) {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}
