//! The suite of the server over HTTP on PostgreSQL: the same tests, the same answers.

#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod access;
#[path = "../api/addresses.rs"]
mod addresses;
#[path = "../api/admin.rs"]
mod admin;
#[path = "../api/checks.rs"]
mod checks;
#[path = "../api/commands.rs"]
mod commands;
#[path = "../api/enrol.rs"]
mod enrol;
#[path = "../api/events.rs"]
mod events;
#[path = "../../../protocol/tests/common/mod.rs"]
mod fixtures;
#[path = "../api/forged.rs"]
mod forged;
#[path = "../api/golden.rs"]
mod golden;
#[path = "../api/harness.rs"]
mod harness;
#[path = "../api/health.rs"]
mod health;
#[path = "../api/history.rs"]
mod history;
mod home;
#[path = "../api/ingest.rs"]
mod ingest;
#[path = "../api/joining.rs"]
mod joining;
#[path = "../api/limits.rs"]
mod limits;
#[path = "../api/originals.rs"]
mod originals;
#[path = "../api/protocol.rs"]
mod protocol;
#[path = "../api/query.rs"]
mod query;
#[path = "../api/refusals.rs"]
mod refusals;
#[path = "../api/retention.rs"]
mod retention;
#[path = "../api/rotate.rs"]
mod rotate;
#[path = "../api/routes.rs"]
mod routes;
#[path = "../api/scope.rs"]
mod scope;
#[path = "../api/shutdown.rs"]
mod shutdown;
#[path = "../api/signatures.rs"]
mod signatures;
#[path = "../api/stream.rs"]
mod stream;
#[path = "../api/subscriber.rs"]
mod subscriber;
