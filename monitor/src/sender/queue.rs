//! What the sender needs of the outbox. A trait, so that a test can hand it one that breaks its word.

use tokio::sync::watch;

use crate::outbox::{DeliveryReport, Destination, Outbox, OutboxError, Queued};

/// Events that wait for a destination. The calls block on the disk.
pub(super) trait Queue: Clone + Send + 'static {
    fn pending(&self, to: Destination, limit: usize, max_bytes: usize) -> Result<Vec<Queued>, OutboxError>;
    fn depth(&self, to: Destination) -> Result<u64, OutboxError>;
    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError>;
    fn quarantine(&self, to: Destination, seq: i64, reason: &str) -> Result<(), OutboxError>;
    fn drop_all(&self, to: Destination, reason: &str) -> Result<u64, OutboxError>;
    fn record_delivery(&self, to: Destination, report: &DeliveryReport) -> Result<(), OutboxError>;
    fn note_asked(&self, number: i64) -> Result<(), OutboxError>;
    fn subscribe(&self, to: Destination) -> watch::Receiver<u64>;
}

impl Queue for Outbox {
    fn pending(&self, to: Destination, limit: usize, max_bytes: usize) -> Result<Vec<Queued>, OutboxError> {
        self.pending(to, limit, max_bytes)
    }

    fn depth(&self, to: Destination) -> Result<u64, OutboxError> {
        self.depth(to)
    }

    fn acknowledge(&self, to: Destination, seqs: &[i64], also_batch: bool) -> Result<(), OutboxError> {
        self.acknowledge(to, seqs, also_batch)
    }

    fn quarantine(&self, to: Destination, seq: i64, reason: &str) -> Result<(), OutboxError> {
        self.quarantine(to, seq, reason)
    }

    fn drop_all(&self, to: Destination, reason: &str) -> Result<u64, OutboxError> {
        self.drop_all(to, reason)
    }

    fn record_delivery(&self, to: Destination, report: &DeliveryReport) -> Result<(), OutboxError> {
        self.record_delivery(to, report)
    }

    fn note_asked(&self, number: i64) -> Result<(), OutboxError> {
        self.note_asked(number)
    }

    fn subscribe(&self, to: Destination) -> watch::Receiver<u64> {
        self.subscribe(to)
    }
}
