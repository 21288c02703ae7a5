//! Moving events out of a store and into one, by the program itself and against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod canonical;
mod commands;
mod hosted;
mod interrupted;
mod lines;
mod postgres;
mod stores;
mod support;
