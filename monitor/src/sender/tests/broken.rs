//! Outboxes with a bug each, and such as have a bad disk.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::*;
use crate::outbox::{DeliveryReport, Queued};

/// An outbox that counts an event as delivered when it is handed out: the bug the tests below must see.
#[derive(Clone)]
pub(super) struct Hasty(pub(super) Outbox);

/// An outbox that forgets what was acknowledged, once: the bug of sending again what a server has.
#[derive(Clone)]
pub(super) struct Forgetful(pub(super) Outbox, pub(super) Arc<AtomicUsize>);

macro_rules! delegate {
    ($name:ident, { $($own:item)* }) => {
        impl Queue for $name {
            $($own)*
            fn depth(&self, to: Destination) -> Result<u64, OutboxError> {
                self.0.depth(to)
            }
            fn quarantine(&self, to: Destination, seq: i64, reason: &str) -> Result<(), OutboxError> {
                self.0.quarantine(to, seq, reason)
            }
            fn drop_all(&self, to: Destination, reason: &str) -> Result<u64, OutboxError> {
                self.0.drop_all(to, reason)
            }
            fn record_delivery(&self, to: Destination, report: &DeliveryReport) -> Result<(), OutboxError> {
                self.0.record_delivery(to, report)
            }
            fn note_asked(&self, number: i64) -> Result<(), OutboxError> {
                self.0.note_asked(number)
            }
            fn subscribe(&self, to: Destination) -> watch::Receiver<u64> {
                self.0.subscribe(to)
            }
        }
    };
}

delegate!(Hasty, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        let rows = self.0.pending(to, limit, bytes)?;
        self.0.acknowledge(to, &rows.iter().map(|row| row.seq).collect::<Vec<_>>(), true)?;
        Ok(rows)
    }
    fn acknowledge(&self, _: Destination, _: &[i64], _: bool) -> Result<(), OutboxError> {
        Ok(())
    }
});

delegate!(Forgetful, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.0.pending(to, limit, bytes)
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(());
        }
        self.0.acknowledge(to, seqs, also_batch)
    }
});

/// An outbox on a disk that is full for a while.
#[derive(Clone)]
pub(super) struct FullDisk(pub(super) Outbox, pub(super) Arc<AtomicUsize>);

delegate!(FullDisk, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.0.pending(to, limit, bytes)
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        if self.1.fetch_add(1, Ordering::SeqCst) < 3 {
            return Err(OutboxError::Full);
        }
        self.0.acknowledge(to, seqs, also_batch)
    }
});

#[derive(Clone)]
pub(super) struct Damaged(pub(super) Outbox);

delegate!(Damaged, {
    fn pending(&self, _: Destination, _: usize, _: usize) -> Result<Vec<Queued>, OutboxError> {
        Err(OutboxError::Broken("a page".to_owned()))
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        self.0.acknowledge(to, seqs, also_batch)
    }
});

/// An outbox that gives up what waits after ten attempts: the bug of senders that do not outlast a long outage.
#[derive(Clone)]
pub(super) struct Impatient(pub(super) Outbox, pub(super) Arc<AtomicUsize>);

delegate!(Impatient, {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        if self.1.fetch_add(1, Ordering::SeqCst) >= 10 {
            self.0.drop_all(to, "attempts")?;
        }
        self.0.pending(to, limit, bytes)
    }
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        self.0.acknowledge(to, seqs, also_batch)
    }
});

/// An outbox that takes one refused event for the whole of its batch: the bug of senders that drop what they were
/// sending.
#[derive(Clone)]
pub(super) struct Sweeping(pub(super) Outbox);

impl Queue for Sweeping {
    fn pending(&self, to: Destination, limit: usize, bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.0.pending(to, limit, bytes)
    }

    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        self.0.acknowledge(to, seqs, also_batch)
    }

    fn depth(&self, to: Destination) -> Result<u64, OutboxError> {
        self.0.depth(to)
    }

    fn quarantine(&self, to: Destination, seq: i64, reason: &str) -> Result<(), OutboxError> {
        self.0.quarantine(to, seq, reason)?;
        self.0.drop_all(to, "refused").map(|_| ())
    }

    fn drop_all(&self, to: Destination, reason: &str) -> Result<u64, OutboxError> {
        self.0.drop_all(to, reason)
    }

    fn record_delivery(&self, to: Destination, report: &DeliveryReport) -> Result<(), OutboxError> {
        self.0.record_delivery(to, report)
    }

    fn note_asked(&self, number: i64) -> Result<(), OutboxError> {
        self.0.note_asked(number)
    }

    fn subscribe(&self, to: Destination) -> watch::Receiver<u64> {
        self.0.subscribe(to)
    }
}
