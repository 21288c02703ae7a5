//! Whole-system tests: the real programs on a machine of their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod commands;
mod configuration;
mod crash;
mod deploy;
mod description;
mod end_to_end;
mod enrol;
mod exposure;
mod fuzz;
mod homes;
mod hosted;
mod kinds;
mod logging;
mod metrics;
mod operations;
mod outbox;
mod postgres;
#[cfg(target_os = "linux")]
mod power;
mod tidy;
mod upkeep;
mod watching;
