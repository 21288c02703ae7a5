//! The monitor's own log: standard error, for people on a terminal, as JSON lines otherwise.
//!
//! What is logged are counts, codes, states and names of our own; never a line of a transcript, a payload or the
//! path of a transcript.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Lookup;
use crate::progress::BesideTheBar;

/// Names the paths of transcripts, which are those of projects: not heard, whatever the filter says.
const WATCHER: &str = "notify";

/// Starts logging as `RUST_LOG` says, `info` without it. A filter that cannot be read counts as `info` and is
/// named; where logging was started already, that stays.
pub fn start(lookup: Lookup<'_>) {
    let wanted = lookup("RUST_LOG").filter(|value| !value.is_empty());
    start_filtered(wanted.as_deref().unwrap_or("info"));
}

/// As [`start`], with the filter's text.
pub fn start_filtered(wanted: &str) {
    let parsed = EnvFilter::try_new(wanted);
    let unreadable = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new("info"));
    let heard = filter_fn(|metadata| !is_of_watcher(metadata.target()));
    let log = tracing_subscriber::registry().with(filter).with(heard);
    let lines = fmt::layer().log_internal_errors(false).with_writer(|| BesideTheBar);
    // failing means that somebody else's log is in place
    let started = if std::io::stderr().is_terminal() {
        log.with(lines.with_target(false)).try_init()
    } else {
        log.with(lines.json().flatten_event(true).with_current_span(false).with_span_list(false)).try_init()
    };
    if unreadable && started.is_ok() {
        tracing::warn!("RUST_LOG cannot be read as a filter: 'info' is used");
    }
}

fn is_of_watcher(target: &str) -> bool {
    target.strip_prefix(WATCHER).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
