//! What the reader says of itself: how far it is, and what keeps it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::info;

const LOG_PAUSE: Duration = Duration::from_secs(10);

/// How much of what was unread at the start has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Files that were unread or changed at the start.
    pub total_files: u64,
    /// Files of them that are read.
    pub files: u64,
    /// Bytes that were unread at the start.
    pub total_bytes: u64,
    /// Bytes that were read since.
    pub bytes: u64,
    /// Events that were queued since.
    pub events: u64,
    /// Everything that was there at the start has been read; stays so.
    pub done: bool,
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Following {
    /// The folder is not there yet.
    #[default]
    Waiting,
    /// By file events, and a look at every file now and then.
    Events,
    /// By looking at every file often: file events do not come from everywhere.
    Polling,
}

/// Why nothing is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pause {
    /// So many events wait that the outbox takes no more; the transcripts hold the rest.
    OutboxFull,
    /// The disk with the store is full.
    DiskFull,
    /// The store does not answer.
    StoreUnavailable,
}

/// Whether the reader is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How changes are noticed.
    pub following: Following,
    /// Why nothing is read, if something keeps it.
    pub pause: Option<Pause>,
    /// Lines that wait unread in the transcripts while reading pauses, as far as they were counted.
    pub waiting_lines: u64,
    /// Lines that were lost in this run: their files were deleted while reading paused.
    pub lost_lines: u64,
}

impl Health {
    /// Whether something is wrong that a person may want to know.
    pub fn is_degraded(&self) -> bool {
        self.following == Following::Polling || self.pause.is_some()
    }
}

/// Where the reader says so.
pub(super) struct Reports {
    progress: watch::Sender<Progress>,
    health: watch::Sender<Health>,
    /// When the log was told last.
    logged: Option<Instant>,
}

impl Reports {
    pub(super) fn new(progress: watch::Sender<Progress>, health: watch::Sender<Health>) -> Self {
        Self { progress, health, logged: Some(Instant::now()) }
    }

    /// Lets it be long ago that the log was told.
    #[cfg(test)]
    pub(super) fn long_ago(&mut self) {
        self.logged = None;
    }

    pub(super) fn progress(&mut self, change: impl FnOnce(&mut Progress)) {
        let mut now = *self.progress.borrow();
        let before = now;
        change(&mut now);
        now.done |= before.done;
        if now == before {
            return;
        }
        self.progress.send_replace(now);
        if before.done {
            return;
        }
        if now.done && now.total_bytes > 0 {
            info!(files = now.total_files, bytes = now.bytes, events = now.events, "history read");
        } else if !now.done && self.logged.is_none_or(|logged| logged.elapsed() >= LOG_PAUSE) {
            self.logged = Some(Instant::now());
            let Progress { files, total_files, bytes, total_bytes, events, .. } = now;
            info!(files, total_files, bytes, total_bytes, events, "reading history");
        }
    }

    pub(super) fn current_health(&self) -> Health {
        *self.health.borrow()
    }

    /// Whether that changed anything.
    pub(super) fn health(&self, change: impl FnOnce(&mut Health)) -> bool {
        self.health.send_if_modified(|health| {
            let before = *health;
            change(health);
            *health != before
        })
    }
}
