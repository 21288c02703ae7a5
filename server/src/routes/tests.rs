use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use vibetea_protocol::Clock;

use super::*;
use crate::app;
use crate::config::{Args, Config};

#[path = "../../tests/api/routes.rs"]
mod every;

async fn relay() -> App {
    let lookup = |name: &str| {
        let value = match name {
            "VIBETEA_DATABASE_URL" => "none",
            "VIBETEA_UNSAFE_NO_AUTH" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = Config::load(&Args::default(), &lookup).unwrap();
    app::build(config, Clock::System, CancellationToken::new()).await.unwrap()
}

fn all(app: &App) -> Router<App> {
    hosted_routes(app).merge(other_routes(app))
}

async fn break_down(_: Request, _: Next) -> Response {
    panic!("planted")
}

async fn ask(router: &Router, method: Method, path: &str) -> Response {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_panic_in_any_handler_is_a_500_and_the_next_request_works() {
    let app = relay().await;
    let broken = around(&app, all(&app).route_layer(from_fn(break_down)));
    let whole = around(&app, all(&app));
    for path in every::routes() {
        for method in [Method::GET, Method::POST] {
            let answer = ask(&broken, method, &path).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        }
    }
    assert_eq!(ask(&whole, Method::GET, "/health").await.status(), StatusCode::OK);
}

/// The twin: without the layer, the panic goes through.
#[tokio::test]
async fn without_the_layer_a_panic_is_no_answer() {
    let app = relay().await;
    let bare = all(&app).route_layer(from_fn(break_down)).with_state(Arc::clone(&app));
    let asked =
        tokio::spawn(AssertUnwindSafe(async move { ask(&bare, Method::GET, "/health").await.status() }));
    assert!(asked.await.unwrap_err().is_panic());
}
