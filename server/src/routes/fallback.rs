//! Answers where there is no such path or no such method.

use vibetea_protocol::ErrorCode;

use crate::error::Refusal;

pub(super) async fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "There is nothing at this path")
}

/// The router adds the header `Allow`.
pub(super) async fn method_not_allowed() -> Refusal {
    Refusal::new(
        ErrorCode::MethodNotAllowed,
        "This path has no such method; the header Allow names those it has",
    )
}
