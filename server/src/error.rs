//! From a refusal to an answer: one envelope on every JSON route.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vibetea_protocol::{ErrorCode, Problem};

use crate::access::ChangeError;
use crate::store::{AccessError, Refused, StoreError};

/// A refusal with what HTTP adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    problem: Problem,
    status: u16,
    retry_after: Option<u64>,
}

/// Seconds after which asking a store again that was away can help.
const STORE_RETRY_SECONDS: u64 = 2;
/// Seconds after which the bodies that fill the room are here, or given up.
const BODIES_RETRY_SECONDS: u64 = 2;
/// Seconds after which a live stream may have ended that leaves room for another.
const STREAMS_RETRY_SECONDS: u64 = 30;

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

    /// The same, to be tried again after so many seconds.
    #[must_use]
    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The source has to wait this many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let message = format!("This source sends faster than it may; it is heard again in {seconds} seconds");
        Self::new(ErrorCode::RateLimited, message).retry_after(seconds)
    }

    /// Whoever it is has to wait this many seconds with a code.
    pub fn code_limited(seconds: u64) -> Self {
        let message = format!("Too many wrong codes were tried; the next one is heard in {seconds} seconds");
        Self::new(ErrorCode::RateLimited, message).retry_after(seconds)
    }

    /// The address has to wait this many seconds, whoever asks from there.
    pub fn address_limited(seconds: u64) -> Self {
        let message =
            format!("This address asks more often than it may; it is heard again in {seconds} seconds");
        Self::new(ErrorCode::RateLimited, message).retry_after(seconds)
    }

    /// The address holds as many live streams as it may.
    pub fn too_many_streams() -> Self {
        let message = "This address holds as many live streams as one address may";
        Self::new(ErrorCode::RateLimited, message).retry_after(STREAMS_RETRY_SECONDS)
    }

    /// A fault of the server, which its log tells more about.
    pub fn internal() -> Self {
        Self::new(ErrorCode::InternalError, "The server failed to handle this request")
    }

    /// The token holds as many live streams as it may.
    pub fn too_many_streams_of_a_token() -> Self {
        let mut refusal =
            Self::new(ErrorCode::RateLimited, "This token holds as many live streams as one token may");
        refusal.retry_after = Some(STREAMS_RETRY_SECONDS);
        refusal
    }

    /// All tokens together hold as many live streams as there are places for.
    pub fn streams_full() -> Self {
        let mut refusal =
            Self::new(ErrorCode::Unavailable, "This server serves as many live streams as it has places for");
        refusal.retry_after = Some(STREAMS_RETRY_SECONDS);
        refusal
    }

    /// More unverified bodies are arriving than there is room for.
    pub fn too_many_bodies() -> Self {
        let mut refusal = Self::new(
            ErrorCode::Unavailable,
            "More is arriving at the moment than this server has room for; please try again later",
        );
        refusal.retry_after = Some(BODIES_RETRY_SECONDS);
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
                let message = "The store is unavailable at the moment; please try again later";
                Self::new(ErrorCode::Unavailable, message).retry_after(STORE_RETRY_SECONDS)
            }
            StoreError::Internal(reason) => {
                tracing::error!(%reason, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        let refused = match error {
            ChangeError::Configured(_) => return Self::new(ErrorCode::Conflict, error.to_string()),
            ChangeError::Access(AccessError::Store(error)) => return error.into(),
            ChangeError::Access(AccessError::Random(error)) => {
                tracing::error!(%error, "the system has no randomness");
                return Self::internal();
            }
            ChangeError::Access(AccessError::Refused(refused)) => refused,
        };
        let code = match &refused {
            Refused::NoSuchSource(_) | Refused::NoSuchToken(_) => ErrorCode::NotFound,
            Refused::InvalidCode => ErrorCode::InvalidCode,
            Refused::OtherSource => ErrorCode::SourceMismatch,
            Refused::NotVouched(_) => ErrorCode::InvalidSignature,
            Refused::InvalidTokenName | Refused::InvalidScope(_) | Refused::ScopedAdmin => {
                ErrorCode::InvalidRequest
            }
            Refused::SourceExists(_)
            | Refused::TooManyKeys(_)
            | Refused::TooManySources(_)
            | Refused::TooManyCodes(_)
            | Refused::TokenNameTaken(_)
            | Refused::TooManyTokens(_) => ErrorCode::Conflict,
        };
        Self::new(code, refused.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.problem.error;
        let mut response = (status, Json(self.problem)).into_response();
        // for the figures and the access log
        response.extensions_mut().insert(code);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
