//! Logs to standard error: text on a terminal, JSON lines elsewhere.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging what the filter lets through. A second start in one process changes nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // complaining about a log that cannot be written would go to the same closed place, and panic there
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // a logger that is already there, as in a program that runs the server and more, stays
    let _already_started = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        // no span of another crate adds fields that docs/LOGGING.md does not name
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}
