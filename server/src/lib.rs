//! Verifies, stores and broadcasts the events of many monitors.
//!
//! `routes` knows `auth`, `store` and `hub`; `store` knows no axum, `hub` knows no store, `auth` knows no route.

pub mod app;
pub mod auth;
pub mod config;
pub mod error;
pub mod filter;
pub mod hub;
pub mod limit;
pub mod routes;
pub mod shutdown;
pub mod store;
pub mod telemetry;
