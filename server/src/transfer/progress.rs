//! How far an import is: a bar on a terminal, elsewhere a line of the log now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LOG_EVERY: Duration = Duration::from_secs(10);
const OF_BYTES: &str = "Importing {bar:20} {percent:>3} %  {bytes} of {total_bytes}  {msg}  {eta} left";
const OF_EVENTS: &str = "Importing {bar:20} {percent:>3} %  {msg}  {eta} left";
const ENDLESS: &str = "Importing {spinner}  {msg}";

/// Shows an import under way.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    started: Instant,
    logged: Instant,
    /// Events of earlier runs, which say nothing about this one's rate.
    before: u64,
}

impl Progress {
    /// Of so many bytes, where that is known.
    pub fn of_bytes(total: Option<u64>) -> Self {
        Self::new(total, OF_BYTES, 0)
    }

    /// Of about so many events, where that is known, after those of earlier runs.
    pub fn of_events(total: Option<u64>, before: u64) -> Self {
        Self::new(total, OF_EVENTS, before)
    }

    fn new(total: Option<u64>, template: &str, before: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            let template = if total.is_some() { template } else { ENDLESS };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        let now = Instant::now();
        Self { bar, total, started: now, logged: now, before }
    }

    /// Tells how many bytes or events of the total are done, and how many events that is.
    pub fn show(&mut self, position: u64, events: u64) {
        let seconds = self.started.elapsed().as_secs().max(1);
        let per_second = events.saturating_sub(self.before) / seconds;
        // an estimate may be too low, and a file may grow
        let total = self.total.map(|total| total.max(position));
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(position);
            bar.set_message(format!("{events} events, {per_second} a second"));
        } else if self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            let percent = total.map(|total| position.saturating_mul(100) / total.max(1));
            tracing::info!(events, per_second, percent, "importing");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
