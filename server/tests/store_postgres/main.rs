//! The suite of every store on PostgreSQL, and what only a database on a network has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../store/access.rs"]
mod access;
#[path = "../store/breakdowns.rs"]
mod breakdowns;
#[path = "../store/counts.rs"]
mod counts;
#[path = "../store/forgetting.rs"]
mod forgetting;
mod held;
mod home;
#[path = "../store/hourly.rs"]
mod hourly;
#[path = "../store/ids.rs"]
mod ids;
#[path = "../store/model.rs"]
mod model;
#[path = "../store/pages.rs"]
mod pages;
mod reading;
mod same;
#[path = "../store/scope.rs"]
mod scope;
#[path = "../store/sessions.rs"]
mod sessions;
mod slow;
#[path = "../store/streaming.rs"]
mod streaming;
#[path = "../store/support.rs"]
mod support;
#[path = "../store/versions.rs"]
mod versions;
#[path = "../store/writing.rs"]
mod writing;
