//! Which connections keep the server waiting: for a request, or for their peer to read an answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The waiting connections, longest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    order: BTreeMap<u64, CancellationToken>,
}

/// One connection's seat among the waiting; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    waiting: Arc<Waiting>,
    evict: CancellationToken,
    /// Number in the queue; 0 while a request is being handled.
    number: AtomicU64,
}

impl Waiting {
    /// Tells the connection that has waited longest to go; `false` where none waits.
    pub(super) fn evict_longest(&self) -> bool {
        let longest = self.lock().order.pop_first();
        longest.map(|(_, evict)| evict.cancel()).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A seat that waits; `evict` is cancelled when its connection has to go.
    pub(super) fn take(waiting: Arc<Waiting>, evict: CancellationToken) -> Self {
        let seat = Self { waiting, evict, number: AtomicU64::new(0) };
        seat.wait();
        seat
    }

    /// The connection waits, from now on.
    pub(super) fn wait(&self) {
        let mut queue = self.waiting.lock();
        queue.last += 1;
        let number = queue.last;
        queue.order.insert(number, self.evict.clone());
        let before = self.number.swap(number, Ordering::Relaxed);
        queue.order.remove(&before);
    }

    /// The connection no longer waits.
    pub(super) fn leave(&self) {
        let number = self.number.swap(0, Ordering::Relaxed);
        self.waiting.lock().order.remove(&number);
    }

    /// Whether the connection waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.number.load(Ordering::Relaxed) != 0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(waiting: &Arc<Waiting>) -> Seat {
        Seat::take(Arc::clone(waiting), CancellationToken::new())
    }

    #[test]
    fn the_one_that_waits_longest_goes_and_workers_stay() {
        let waiting = Arc::new(Waiting::default());
        let (first, second, third) = (seat(&waiting), seat(&waiting), seat(&waiting));
        first.leave();
        assert!(waiting.evict_longest());
        assert!(!first.evict.is_cancelled() && second.evict.is_cancelled() && !third.evict.is_cancelled());
        first.wait();
        assert!(waiting.evict_longest() && third.evict.is_cancelled());
        drop(first);
        assert!(!waiting.evict_longest());
    }
}
