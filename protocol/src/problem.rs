//! The one error envelope of every JSON route: `{"error": "<code>", "message": "<one sentence>"}`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a request was refused; the word on the wire is the variant in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The route has no such method.
    MethodNotAllowed,
    /// The body is larger than the route takes.
    PayloadTooLarge,
    /// A header that says who asks is missing or empty.
    MissingAuth,
    /// No key is registered for the source.
    UnknownSource,
    /// No key of the source made this signature over this body.
    InvalidSignature,
    /// The token or ticket is not the right one.
    InvalidToken,
    /// The code of an enrolment is wrong, used or expired.
    InvalidCode,
    /// The body is no JSON, or neither array nor object; or a parameter cannot be read.
    InvalidRequest,
    /// The array holds no event.
    EmptyBatch,
    /// The array holds more than 1000 events.
    BatchTooLarge,
    /// An event breaks a rule; the message names its index and the field.
    InvalidEvent,
    /// An event's type is not in the list.
    InvalidEventType,
    /// An event names another source than the one that signed.
    SourceMismatch,
    /// `days` is neither 7 nor 30.
    InvalidDays,
    /// A parameter of `/api/v1` is wrong; the message names it, its value and what is allowed.
    InvalidParameter,
    /// The source sends faster than it may.
    RateLimited,
    /// `Host` or `Origin` is not one this server answers to, or the token opens no admin routes.
    Forbidden,
    /// There is nothing at this path.
    NotFound,
    /// What is asked for stands against what there is, such as a name that is taken.
    Conflict,
    /// The request took too long to arrive.
    RequestTimeout,
    /// The store is away or full, or this server keeps no history.
    Unavailable,
    /// A fault of the server.
    InternalError,
}

impl ErrorCode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::MissingAuth => "missing_auth",
            Self::UnknownSource => "unknown_source",
            Self::InvalidSignature => "invalid_signature",
            Self::InvalidToken => "invalid_token",
            Self::InvalidCode => "invalid_code",
            Self::InvalidRequest => "invalid_request",
            Self::EmptyBatch => "empty_batch",
            Self::BatchTooLarge => "batch_too_large",
            Self::InvalidEvent => "invalid_event",
            Self::InvalidEventType => "invalid_event_type",
            Self::SourceMismatch => "source_mismatch",
            Self::InvalidDays => "invalid_days",
            Self::InvalidParameter => "invalid_parameter",
            Self::RateLimited => "rate_limited",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RequestTimeout => "request_timeout",
            Self::Unavailable => "unavailable",
            Self::InternalError => "internal_error",
        }
    }

    /// The HTTP status on the batch route; the live route answers 400 to [`Self::InvalidEventType`] and
    /// [`Self::SourceMismatch`].
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            Self::PayloadTooLarge => 413,
            Self::MissingAuth
            | Self::UnknownSource
            | Self::InvalidSignature
            | Self::InvalidToken
            | Self::InvalidCode => 401,
            Self::InvalidRequest
            | Self::EmptyBatch
            | Self::BatchTooLarge
            | Self::InvalidEvent
            | Self::InvalidDays
            | Self::InvalidParameter => 400,
            Self::InvalidEventType | Self::SourceMismatch => 422,
            Self::RateLimited => 429,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::RequestTimeout => 408,
            Self::Unavailable => 503,
            Self::InternalError => 500,
        }
    }
}

/// A refusal: a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{}: {message}", error.as_str())]
pub struct Problem {
    /// The code.
    pub error: ErrorCode,
    /// One sentence that says what was wrong, where, and what is allowed.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub message: Cow<'static, str>,
}

impl Problem {
    /// A refusal with its sentence.
    pub fn new(error: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into() }
    }
}
