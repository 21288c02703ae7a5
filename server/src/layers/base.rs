//! Everything below a base path: it is taken off before the routes are looked up.

use axum::Router;
use axum::extract::Request;
use axum::http::{Uri, uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use tower::ServiceExt as _;

use super::security_headers;
use crate::config::BasePath;

/// A path that no route has, in place of all paths outside.
const NOWHERE: &str = "/-/outside";

/// Serves `routes` below `base` and answers as to an unknown path outside of it.
pub(crate) fn below(base: &BasePath, routes: Router) -> Router {
    if base.as_str().is_empty() {
        return routes;
    }
    let base = base.clone();
    Router::new().fallback(move |request: Request| {
        let (base, routes) = (base.clone(), routes.clone());
        async move { answer(&base, routes, request).await }
    })
}

async fn answer(base: &BasePath, routes: Router, mut request: Request) -> Response {
    // relative links on the page need the slash
    if request.uri().path() == base.as_str() {
        let page = format!("{base}/");
        return security_headers(Redirect::permanent(&page).into_response()).await;
    }
    *request.uri_mut() = inside(base, request.uri());
    // a router cannot fail
    routes.oneshot(request).await.unwrap_or_else(|never| match never {})
}

fn inside(base: &BasePath, uri: &Uri) -> Uri {
    let whole = uri.path_and_query().map_or("/", uri::PathAndQuery::as_str);
    let rest = whole.strip_prefix(base.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(NOWHERE);
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = rest.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static(NOWHERE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_taken_off_whole_segments_alone() {
        let base = BasePath::parse("/tea").unwrap();
        for (outside, within) in [
            ("/tea/", "/"),
            ("/tea/ws?token=x", "/ws?token=x"),
            ("http://host/tea/health", "http://host/health"),
            ("/tea/tea/health", "/tea/health"),
            ("/health", NOWHERE),
            ("/teapot/health", NOWHERE),
            ("/tea?x=1", NOWHERE),
            ("/%74ea/health", NOWHERE),
            ("*", NOWHERE),
        ] {
            assert_eq!(inside(&base, &outside.parse().unwrap()).to_string(), within, "{outside}");
        }
    }
}
