//! The server over real sockets, with real signatures. One module for each route or rule. `api_postgres` builds most of
//! them with another `home`.

#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod addresses;
mod admin;
mod base_path;
mod checks;
mod commands;
mod config;
mod cors;
mod enrol;
mod events;
#[path = "../../../protocol/tests/common/mod.rs"]
mod fixtures;
mod forged;
mod golden;
mod harness;
mod health;
mod history;
mod home;
mod hosts;
mod ingest;
mod joining;
mod limits;
mod originals;
mod page;
mod process;
mod protocol;
mod query;
mod refusals;
mod relay;
mod retention;
mod rotate;
mod routes;
mod scope;
mod shutdown;
mod signatures;
mod stream;
mod subscriber;
mod tls;
