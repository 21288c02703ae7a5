//! What differs between the destinations.

use std::time::Duration;

use super::trigger::Pace;

/// How one destination is sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) pace: Pace,
    /// Most events in one request.
    pub(super) most_events: usize,
    /// So many waiting events are a full batch, which goes at once, in as many requests as it takes.
    pub(super) full: u64,
    /// Whether what is acknowledged here need not go out in batches any more.
    pub(super) clears_batch: bool,
    /// After how many attempts in a row how long a pause is made.
    pub(super) attempts: Option<(u32, Duration)>,
    /// Whether a missing route means a server that keeps no history.
    pub(super) may_be_missing: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            pace: Pace::AtOnce,
            most_events: 1,
            full: 1,
            clears_batch: false,
            attempts: None,
            may_be_missing: false,
        }
    }
}
