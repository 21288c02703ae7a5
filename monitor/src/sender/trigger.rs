//! When a destination's turn comes.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How soon waiting events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As soon as one waits.
    AtOnce,
    /// Once per interval, and whenever a full batch waits.
    Interval(Duration),
    /// Whenever a full batch waits, and once nothing was added for this long.
    WhenQuiet(Duration),
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Everything that waits.
    All,
    /// Full batches only; the rest is not old enough.
    FullBatches,
}

/// Waits for the next turn.
#[derive(Debug)]
pub(super) struct Trigger {
    pace: Pace,
    added: watch::Receiver<u64>,
    next: Instant,
    /// Whether something may be waiting that nobody has looked at.
    unseen: bool,
}

impl Trigger {
    /// Events of an earlier run may wait, so the first turn needs no event.
    pub(super) fn new(pace: Pace, added: watch::Receiver<u64>) -> Self {
        let now = Instant::now();
        let next = if let Pace::Interval(interval) = pace { now + interval } else { now };
        Self { pace, added, next, unseen: true }
    }

    /// Ends when something is due; `is_full` says whether a full batch waits. May be dropped at any time.
    pub(super) async fn due(&mut self, is_full: impl Fn() -> bool) -> Due {
        match self.pace {
            Pace::AtOnce => {
                if !self.unseen {
                    self.something_added().await;
                }
                self.unseen = false;
                Due::All
            }
            Pace::Interval(interval) => {
                while !is_full() {
                    tokio::select! {
                        () = sleep_until(self.next) => {
                            self.next = Instant::now() + interval;
                            return Due::All;
                        }
                        () = self.something_added() => {}
                    }
                }
                Due::FullBatches
            }
            Pace::WhenQuiet(quiet) => {
                if !self.unseen {
                    self.something_added().await;
                    self.unseen = true;
                }
                while !is_full() {
                    if timeout(quiet, self.something_added()).await.is_err() {
                        self.unseen = false;
                        return Due::All;
                    }
                }
                Due::FullBatches
            }
        }
    }

    async fn something_added(&mut self) {
        if self.added.changed().await.is_err() {
            // the outbox is closed: nothing will be added any more
            std::future::pending::<()>().await;
        }
    }
}
