//! Puts every request into the record of what was sent, before and after it is.

use vibetea_protocol::Clock;

use super::answer::Reason;
use super::wire::{Request, Wire};
use crate::audit::{AuditLog, End, Number, Outgoing};
use crate::outbox::Destination;

/// Records the requests of one destination.
pub(super) struct Recorder {
    log: AuditLog,
    destination: Destination,
    clock: Clock,
}

impl Recorder {
    pub(super) fn new(log: AuditLog, destination: Destination, clock: Clock) -> Self {
        Self { log, destination, clock }
    }

    /// The request is about to be sent.
    pub(super) async fn begin(&self, wire: &impl Wire, request: &Request) -> Option<Number> {
        let outgoing = Outgoing {
            at: self.clock.now(),
            destination: self.destination,
            url: wire.address().to_owned(),
            key: request.public_key.as_ref().to_owned(),
            signature: request.signature.clone(),
            events: request.events,
            body: request.body.clone(),
        };
        self.written(move |log| log.begin(&outgoing)).await.flatten()
    }

    /// It was, or could not be.
    pub(super) async fn end(&self, entry: Option<Number>, reason: &Reason) {
        let Some(entry) = entry else { return };
        let end = match reason {
            Reason::Status { status, .. } => End::Answered(*status, reason.to_string()),
            Reason::NoAnswer(what) => End::Silent(what.clone()),
            Reason::NoConnection(_) => End::NotSent,
        };
        self.written(move |log| log.end(entry, &end)).await;
    }

    /// Runs a call that blocks on the disk. `None` where it did not come to an end, which the log has said.
    async fn written<T: Send + 'static>(
        &self,
        call: impl FnOnce(&AuditLog) -> T + Send + 'static,
    ) -> Option<T> {
        let log = self.log.clone();
        tokio::task::spawn_blocking(move || call(&log)).await.ok()
    }
}
