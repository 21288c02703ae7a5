//! The store through its public face, and the file it leaves through a plain SQLite connection.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod files;
mod hourly;
mod ids;
mod opening;
mod streaming;
mod support;
mod trouble;
mod writing;
