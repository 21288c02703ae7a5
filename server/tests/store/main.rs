//! The store through its public face, and the file it leaves through a plain SQLite connection.

mod files;
mod hourly;
mod opening;
mod streaming;
mod support;
mod trouble;
mod writing;
