//! The monitor's own log: standard error, for people on a terminal, as JSON lines otherwise.
//!
//! What is logged are counts, codes, states and names of our own; never a line of a transcript, a payload or the
//! path of a transcript.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Lookup;

/// Starts logging as `RUST_LOG` says, `info` without it. A filter that cannot be read counts as `info` and is
/// named; where logging was started already, that stays.
pub fn start(lookup: Lookup<'_>) {
    let wanted = lookup("RUST_LOG").filter(|value| !value.is_empty());
    let parsed = wanted.as_deref().map_or_else(|| Ok(default_filter()), str::parse);
    let unreadable = parsed.is_err();
    let filter: EnvFilter = parsed.unwrap_or_else(|_| default_filter());
    // the file watcher names the paths of transcripts, which are those of projects
    let filter = "notify=off".parse().map_or_else(|_| default_filter(), |quiet| filter.add_directive(quiet));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // failing means that somebody else's log is in place: the one-file program starts its own
    let started = if std::io::stderr().is_terminal() {
        builder.with_target(false).finish().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().try_init()
    };
    if unreadable && started.is_ok() {
        tracing::warn!("RUST_LOG cannot be read as a filter: 'info' is used");
    }
}

fn default_filter() -> EnvFilter {
    EnvFilter::new("info")
}
