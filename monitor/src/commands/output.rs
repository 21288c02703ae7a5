//! Standard output for data, standard error for talk; a reader that has gone away is no error.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

/// Standard output, buffered.
pub(super) struct Output {
    inner: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { inner: BufWriter::with_capacity(64 << 10, io::stdout().lock()) }
    }

    pub(super) fn line(&mut self, line: impl fmt::Display) -> anyhow::Result<()> {
        writeln!(self.inner, "{line}").map_err(explain)
    }

    /// Writes what is still held; without it that is lost.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.inner.flush().map_err(explain)
    }
}

fn explain(error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot write to standard output")
}

/// Whether the error is that nobody reads any more: `… | head` has seen enough.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints text as it is.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = Output::new();
    output.inner.write_all(text.as_bytes()).map_err(explain)?;
    output.finish()
}

/// Prints one JSON value.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// Says something to the person; where nobody listens, nothing happens.
pub(super) fn say(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
