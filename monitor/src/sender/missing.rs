//! When a batch route that answers 404 is believed not to be there, so that what waits for it is given up.

use std::time::Duration;

use tokio::time::Instant;

/// So many answers in a row prove it, if they also came over a long enough time.
const LEAST_ANSWERS: u32 = 10;
/// The pause between two attempts grows up to so many times the first one.
const LONGEST_PAUSE: u32 = 6;

/// The 404s since the route answered anything else.
#[derive(Debug, Default)]
pub(super) struct Missing {
    first: Option<Instant>,
    answers: u32,
    proven: bool,
}

impl Missing {
    /// One more of them, `sure` where it is the server's own word; whether the route is believed to be missing. Without
    /// that word it may be a proxy whose server is being replaced, which `patience` outlasts.
    pub(super) fn answered(&mut self, sure: bool, patience: Duration) -> bool {
        let first = *self.first.get_or_insert_with(Instant::now);
        self.answers = self.answers.saturating_add(1);
        self.proven |= sure || (self.answers >= LEAST_ANSWERS && first.elapsed() >= patience);
        self.proven
    }

    /// How long to wait for the next one, where `shortest` follows the first.
    pub(super) fn pause(&self, shortest: Duration) -> Duration {
        shortest * self.answers.clamp(1, LONGEST_PAUSE)
    }

    /// There was another answer, or none.
    pub(super) fn refuted(&mut self) {
        *self = Self::default();
    }
}
