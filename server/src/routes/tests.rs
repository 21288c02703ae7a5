use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

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
    hosted_routes().merge(other_routes(app))
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

/// What is logged, as the program logs it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A handler that does what none of ours may: it writes down the request.
async fn write_down(request: Request, next: Next) -> Response {
    tracing::error!(?request, "careless");
    next.run(request).await
}

/// What is logged at its most talkative of requests that show a token and break the handler.
async fn logged(careless: bool) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = relay().await;
    let mut breaking = all(&app).route_layer(from_fn(break_down));
    if careless {
        breaking = breaking.route_layer(from_fn(write_down));
    }
    let router = around(&app, breaking);
    for path in ["/query", "/ws?token=vt_of_the_query", "/api/v1/totals"] {
        let request = Request::builder().uri(path).header("host", "localhost");
        let request = request.header("authorization", "Bearer vt_of_the_header").body(Body::empty()).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 500, "{path}");
    }
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn a_panic_with_a_token_at_hand_leaves_no_token_in_the_log() {
    let log = logged(false).await;
    assert!(log.matches("\"status\":500").count() == 3, "{log}");
    assert!(!log.contains("vt_of_the"), "{log}");
    // the twin: one that does is seen
    let log = logged(true).await;
    assert!(log.contains("vt_of_the_header") && log.contains("vt_of_the_query"), "{log}");
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
