//! Waiting for what has to happen, with a deadline instead of a sleep.

use std::time::{Duration, Instant};

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks until there is something, and fails with `what` when the deadline passes first.
pub fn until<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Looks until it is so.
pub fn until_so(deadline: Duration, what: &str, mut look: impl FnMut() -> bool) {
    until(deadline, what, || look().then_some(()));
}
