//! The store through its public face, and the file it leaves through a plain SQLite connection.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod backfill;
mod breakdowns;
mod counts;
mod files;
mod hourly;
mod ids;
mod model;
mod opening;
mod pages;
mod sessions;
mod streaming;
mod support;
mod trouble;
mod writing;
