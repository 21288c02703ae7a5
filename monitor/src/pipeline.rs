//! The reader: one thread that takes new lines, has them understood and made safe, and keeps the events together
//! with the read position. It never waits for a sender, only for room in the outbox.

mod again;
mod begin;
mod earlier;
mod follow;
mod health;
mod memory;
mod once;
mod reader;
mod turn;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::str::FromStr;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::Clock;

pub use health::{Following, Health, Pause, Progress};
pub use once::{Once, Tally, read_once};

use crate::interpret::Interpreter;
use crate::outbox::{Outbox, OutboxError};

/// What to do with transcripts that were there before the first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum History {
    /// Read them.
    #[default]
    All,
    /// Follow them from their end.
    Off,
    /// Read what happened in the last so many days.
    Days(u16),
}

/// The text is no choice of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("'all', 'off' or a number of days from 1 to 9999 such as '30d' is allowed")]
pub struct InvalidHistory;

impl FromStr for History {
    type Err = InvalidHistory;

    fn from_str(text: &str) -> Result<Self, InvalidHistory> {
        match text {
            "all" => Ok(Self::All),
            "off" => Ok(Self::Off),
            _ => {
                let days = text.strip_suffix('d').ok_or(InvalidHistory)?;
                let plain = days.bytes().all(|byte| byte.is_ascii_digit());
                let days = days.parse().ok().filter(|days| plain && (1..=9999).contains(days));
                days.map(Self::Days).ok_or(InvalidHistory)
            }
        }
    }
}

/// What the reader is to follow and how.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// The agent's folder; transcripts are in `projects` below it. It may come into being later.
    pub claude_dir: PathBuf,
    /// What to do with what was there before the first run.
    pub history: History,
    /// Whether batches go to a deployment of their own, which gets live events as well.
    pub everything_to_batch: bool,
    /// The silence after which a session has ended; the interpreter's.
    pub silence: Duration,
    /// Time between two looks for what no file event told of: at files that changed in the last hour and for new
    /// ones, and at every file where there are not too many.
    pub rescan: Duration,
    /// The same while file events cannot be relied on.
    pub poll: Duration,
    /// Reading of history waits while this many events wait for the batch destination.
    pub history_limit: u64,
}

impl ReaderConfig {
    /// Follows `claude_dir` with everything else as it is by default.
    pub fn new(claude_dir: PathBuf) -> Self {
        Self {
            claude_dir,
            history: History::All,
            everything_to_batch: false,
            silence: Duration::from_mins(30),
            rescan: Duration::from_secs(10),
            poll: Duration::from_secs(2),
            history_limit: 20_000,
        }
    }
}

/// Why the reader cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// The thread cannot be started.
    #[error("the reader cannot be started: {0}")]
    Start(std::io::Error),
    /// The store is damaged; the next start builds a new one.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// A running reader.
#[derive(Debug)]
pub struct Reader {
    /// Ends soon after `stop`, with the current transaction finished; with an error only for a broken store.
    pub thread: JoinHandle<Result<(), ReaderError>>,
    /// How much of what was there at the start has been read.
    pub progress: watch::Receiver<Progress>,
    /// Whether everything is as it should be.
    pub health: watch::Receiver<Health>,
}

/// Starts the reader.
pub fn spawn_reader(
    config: &ReaderConfig,
    outbox: Outbox,
    interpreter: Interpreter,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Reader, ReaderError> {
    let (progress, progress_seen) = watch::channel(Progress::default());
    let (health, health_seen) = watch::channel(Health::default());
    let config = config.clone();
    let thread = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            let reports = health::Reports::new(progress, health);
            reader::Loop::new(config, outbox, interpreter, clock, stop, reports)?.run()
        })
        .map_err(ReaderError::Start)?;
    Ok(Reader { thread, progress: progress_seen, health: health_seen })
}
