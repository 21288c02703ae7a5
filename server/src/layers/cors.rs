//! Which pages of other origins may call. Marks every answer, refusals included, but those to names that are not this
//! server's.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::config::CorsOrigins;

/// The hosted routes, which pages of any origin may call unless the operator lists some.
const HOSTED: [&str; 4] = ["/functions/v1/ingest", "/ingest", "/functions/v1/query", "/query"];
/// No browser sends a token of its own accord, so answering every origin gives nothing away.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// What an answer tells the browser of the page that asked.
pub(super) struct Mark {
    origin: Option<HeaderValue>,
    varies: bool,
}

impl Mark {
    pub(super) fn of(request: &Request, cors: &CorsOrigins) -> Self {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let is_hosted = path.is_some_and(|path| HOSTED.contains(&path));
        Self {
            origin: allowed_origin(cors, request.headers(), is_hosted),
            varies: matches!(cors, CorsOrigins::Listed(_)),
        }
    }

    pub(super) fn put_on(self, mut response: Response) -> Response {
        if let Some(origin) = self.origin {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        if self.varies {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        }
        response
    }
}

/// Marks every answer for the page that asked, where it may know it.
pub(crate) async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    let mark = Mark::of(&request, &app.cors);
    mark.put_on(next.run(request).await)
}

/// Answers preflights to routes that are not hosted, which pages of other origins may call only where the operator
/// says so. Those to the hosted routes are answered by a handler each, see [`preflight`].
pub(crate) async fn preflights(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight && app.cors != CorsOrigins::HostedRoutes {
        preflight("GET, POST, OPTIONS", "Authorization, Content-Type, X-Source-ID, X-Signature")
    } else {
        next.run(request).await
    }
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
