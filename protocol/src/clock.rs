//! The wall clock, passed in wherever time matters, so that tests can stand still or jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::timestamp::Timestamp;

/// Where the current time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Microseconds since 1970 that a test sets.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until it is set.
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.as_micros())))
    }

    /// Moves a fixed clock; the machine's clock is not touched.
    pub fn set(&self, now: Timestamp) {
        if let Self::Fixed(micros) = self {
            micros.store(now.as_micros(), Ordering::Relaxed);
        }
    }

    /// The current time; a machine clock before 1970 counts as 1970.
    pub fn now(&self) -> Timestamp {
        let micros = match self {
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => jiff::Timestamp::now().as_microsecond(),
            Self::Fixed(micros) => micros.load(Ordering::Relaxed),
        };
        Timestamp::from_micros(micros.max(0)).unwrap_or(EPOCH)
    }
}

const EPOCH: Timestamp = match Timestamp::from_micros(0) {
    Some(epoch) => epoch,
    None => unreachable!(),
};
