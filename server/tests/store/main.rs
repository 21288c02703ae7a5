//! The store through its public face, and the file it leaves through a plain SQLite connection. The modules that name
//! no file are the suite of every store: `store_postgres` builds them with another `home`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod access;
mod backfill;
mod breakdowns;
mod counts;
mod files;
mod forgetting;
mod home;
mod hourly;
mod ids;
mod model;
mod mount;
mod opening;
mod pages;
mod scope;
mod sessions;
mod streaming;
mod support;
mod trouble;
mod versions;
mod writing;
