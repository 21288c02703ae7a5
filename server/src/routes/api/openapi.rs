//! `GET /api/v1/openapi.json`: the description of the API; it tells nothing about this server, so it needs no token.

use axum::http::{HeaderName, header};

pub(super) async fn get() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../assets/openapi.json"))
}
