//! From a refusal to an answer: one envelope on every JSON route.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vibetea_protocol::{ErrorCode, Problem};

use crate::store::StoreError;

/// A refusal with what HTTP adds to it.
#[derive(Debug)]
pub struct Refusal {
    problem: Problem,
    status: u16,
    retry_after: Option<u64>,
}

/// Seconds after which asking a store again that was away can help.
const STORE_RETRY_SECONDS: u64 = 2;

impl Refusal {
    /// A refusal with the status its code has.
    pub fn new(code: ErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Problem::new(code, message).into()
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The source has to wait this many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let mut refusal = Self::new(
            ErrorCode::RateLimited,
            format!("This source sends faster than it may; it is heard again in {seconds} seconds"),
        );
        refusal.retry_after = Some(seconds);
        refusal
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.problem.error
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { status: problem.error.status(), problem, retry_after: None }
    }
}

impl From<StoreError> for Refusal {
    /// What the store says goes to the log alone: it may name files.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the store is unavailable");
                let mut refusal = Self::new(
                    ErrorCode::Unavailable,
                    "The store is unavailable at the moment; please try again later",
                );
                refusal.retry_after = Some(STORE_RETRY_SECONDS);
                refusal
            }
            StoreError::Internal(reason) => {
                tracing::error!(%reason, "the store failed");
                Self::internal()
            }
        }
    }
}

impl Refusal {
    /// A fault of the server, which its log tells more about.
    pub fn internal() -> Self {
        Self::new(ErrorCode::InternalError, "The server failed to handle this request")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.problem)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
