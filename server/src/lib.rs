//! Verifies, stores and broadcasts the events of many monitors.
//!
//! `routes` knows `access`, `auth`, `backend` and `hub`; `transfer`, `backup` and `upkeep` know `store`; `store` knows no axum, `hub` knows no store, `auth` knows no route.

pub mod access;
pub mod app;
mod assets;
pub mod auth;
pub mod backend;
pub mod backup;
pub mod callers;
pub mod command;
pub mod config;
pub mod error;
mod files;
pub mod filter;
mod hex;
pub mod hub;
mod layers;
pub mod limit;
mod listener;
pub mod metrics;
pub mod routes;
mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod transfer;
pub mod upkeep;

pub use app::{RunError, run, run_by};
pub use config::Config;
