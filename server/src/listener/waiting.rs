//! Which connections keep the server waiting: for a request or the rest of one, or for their peer to read an answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The waiting connections, longest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    joined: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    order: BTreeMap<u64, CancellationToken>,
}

/// One connection's seat among the waiting.
#[derive(Debug)]
pub(super) struct Seat {
    waiting: Arc<Waiting>,
    evict: CancellationToken,
    /// Number in the queue; 0 while a request is being handled. It changes under the queue's lock alone.
    number: AtomicU64,
    /// Whether a request, or its head, has come that is not answered.
    has_request: AtomicBool,
}

/// The wait for a request's body; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct ForBody {
    seat: Arc<Seat>,
    number: u64,
}

impl Waiting {
    /// Tells the connection that has waited longest to go; `false` where none waits.
    pub(super) fn evict_longest(&self) -> bool {
        let longest = self.lock().order.pop_first();
        longest.map(|(_, evict)| evict.cancel()).is_some()
    }

    /// Returns once another connection waits.
    pub(super) async fn joined(&self) {
        self.joined.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A seat that waits for a request; `evict` is cancelled when its connection has to go.
    pub(super) fn take(waiting: Arc<Waiting>, evict: CancellationToken) -> Arc<Self> {
        let (number, has_request) = (AtomicU64::new(0), AtomicBool::new(false));
        let seat = Arc::new(Self { waiting, evict, number, has_request });
        seat.wait();
        seat
    }

    /// A request was answered: the connection waits, from now on.
    pub(super) fn wait(&self) {
        self.has_request.store(false, Ordering::Relaxed);
        self.queue();
    }

    /// A whole request has come: the connection no longer waits.
    pub(super) fn leave(&self) {
        self.has_request.store(true, Ordering::Relaxed);
        self.leave_if(|_| true);
    }

    /// A request has come but for its body: the connection waits for that, from now on.
    pub(super) fn wait_for_body(self: &Arc<Self>) -> ForBody {
        self.has_request.store(true, Ordering::Relaxed);
        ForBody { number: self.queue(), seat: Arc::clone(self) }
    }

    /// Whether there is no request to be answered.
    pub(super) fn is_idle(&self) -> bool {
        !self.has_request.load(Ordering::Relaxed)
    }

    fn queue(&self) -> u64 {
        let mut queue = self.waiting.lock();
        queue.last += 1;
        let number = queue.last;
        queue.order.insert(number, self.evict.clone());
        let before = self.number.swap(number, Ordering::Relaxed);
        queue.order.remove(&before);
        drop(queue);
        self.waiting.joined.notify_one();
        number
    }

    fn leave_if(&self, is_meant: impl FnOnce(u64) -> bool) {
        let mut queue = self.waiting.lock();
        let number = self.number.load(Ordering::Relaxed);
        if is_meant(number) {
            self.number.store(0, Ordering::Relaxed);
            queue.order.remove(&number);
        }
    }
}

impl Drop for ForBody {
    /// A body that is thrown away after the answer ends no wait: that is for the next request.
    fn drop(&mut self) {
        self.seat.leave_if(|number| number == self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(waiting: &Arc<Waiting>) -> Arc<Seat> {
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
        first.leave();
        assert!(!waiting.evict_longest());
    }

    #[test]
    fn a_connection_whose_body_is_on_its_way_goes_and_one_whose_body_has_come_stays() {
        let waiting = Arc::new(Waiting::default());
        let (whole, partial) = (seat(&waiting), seat(&waiting));
        drop(whole.wait_for_body());
        let _on_its_way = partial.wait_for_body();
        assert!(!whole.is_idle() && !partial.is_idle());
        assert!(waiting.evict_longest());
        assert!(partial.evict.is_cancelled() && !whole.evict.is_cancelled());
        assert!(!waiting.evict_longest());
    }

    #[test]
    fn a_body_that_is_read_after_the_answer_gives_nobody_a_seat_for_good() {
        let waiting = Arc::new(Waiting::default());
        let seat = seat(&waiting);
        let refused = seat.wait_for_body();
        seat.wait();
        drop(refused);
        assert!(seat.is_idle() && waiting.evict_longest(), "it waits for the next request");
    }
}
