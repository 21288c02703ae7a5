//! Verifies, stores and broadcasts the events of many monitors.
//!
//! `routes` knows `access`, `auth`, `backend` and `hub`; `transfer` knows `store`; `store` knows no axum, `hub` knows no store, `auth` knows no route.

pub mod access;
pub mod app;
mod assets;
pub mod auth;
pub mod backend;
pub mod callers;
pub mod command;
pub mod config;
pub mod error;
pub mod filter;
pub mod hub;
mod layers;
pub mod limit;
mod listener;
pub mod metrics;
pub mod routes;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod transfer;

pub use app::{RunError, run};
pub use config::Config;
