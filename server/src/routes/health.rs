//! `/health`, `/livez`, `/readyz`: whether the process lives and whether it can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::app::{App, AppState};
use crate::backend::Backend;
use crate::store::StoreError;

/// Longest time the store may take to show that it can be written.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    connections: i64,
    uptime_seconds: u64,
}

pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    Json(Health {
        status: "ok",
        connections: app.metrics.subscribers.get(),
        uptime_seconds: app.started.elapsed().as_secs(),
    })
}

#[derive(Serialize)]
pub(super) struct Liveness {
    status: &'static str,
}

pub(super) async fn livez() -> Json<Liveness> {
    Json(Liveness { status: "ok" })
}

#[derive(Serialize)]
pub(super) struct Readiness {
    status: &'static str,
    reasons: Vec<String>,
}

pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let reasons = reasons(&app).await;
    let (code, status) = if reasons.is_empty() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    (code, Json(Readiness { status, reasons }))
}

async fn reasons(app: &AppState) -> Vec<String> {
    let mut reasons = Vec::new();
    if app.stop.is_cancelled() {
        reasons.push("the server is stopping".to_owned());
    }
    if let Backend::Store(store) = &app.backend {
        match tokio::time::timeout(PATIENCE, store.check_writable()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => reasons.push(told(&error)),
            Err(_) => reasons.push("the store does not answer".to_owned()),
        }
    }
    if let Some(stale) = app.access.stale_for() {
        let seconds = stale.as_secs();
        reasons.push(format!("who may send and watch could not be looked at for {seconds} seconds"));
    }
    reasons
}

/// Everybody may ask: of a fault they hear that there is one, and what the database says of it goes to the log.
fn told(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(_) => error.to_string(),
        StoreError::Internal(reason) => {
            tracing::warn!(%reason, "the store cannot be written");
            "the store failed; the server's log says more".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_says_of_a_fault_is_not_told_to_everybody() {
        let text = "error returned from database: no such table: main.event in secret.db".to_owned();
        assert_eq!(told(&StoreError::Internal(text.clone())), "the store failed; the server's log says more");
        // the twin: the words of the server's own do come through
        assert!(told(&StoreError::Unavailable(text)).contains("secret.db"));
    }
}
