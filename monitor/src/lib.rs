//! Follows the transcripts of AI coding agents and ships their safe metadata.
//!
//! One line's way: `tail` reads it, `transcript` understands it, `privacy` makes it safe, `identity` names it,
//! `outbox` keeps it together with the read position, `sender` ships it. Reader and sender meet in the outbox only.

pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(test)]
mod heard;
pub mod identity;
pub mod interpret;
pub mod keys;
pub mod outbox;
pub mod pipeline;
pub mod privacy;
mod progress;
pub mod run;
pub mod running;
pub mod sender;
pub mod tail;
pub mod telemetry;
pub mod transcript;

pub use run::run;
