//! One suite for the three homes that events can have: a server on SQLite, a server on PostgreSQL, and the hosted functions
//! on PostgreSQL. The same requests have the same answers, and leave the same rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod edges;
#[path = "../../protocol/tests/common/mod.rs"]
mod fixtures;
mod golden;
mod homes;
mod requests;
mod still;
