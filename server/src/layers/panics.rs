//! A panic in a handler is the answer 500, not the end of the server.

use std::any::Any;

use axum::response::{IntoResponse as _, Response};

use crate::error::Refusal;

/// The answer to a request whose handler panicked; what it panicked with went to standard error.
pub(crate) fn panic_answer(_: Box<dyn Any + Send + 'static>) -> Response {
    Refusal::internal().into_response()
}
