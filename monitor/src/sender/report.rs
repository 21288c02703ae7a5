//! What becomes known of a destination: in the log once per change, in the outbox for `status`.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};
use vibetea_protocol::{Clock, Timestamp};

use crate::outbox::{DeliveryReport, DeliveryState, Destination};

/// Keeps the newest state of a destination and says when it is worth a write.
#[derive(Debug)]
pub(super) struct Reporter {
    destination: Destination,
    clock: Clock,
    every: Duration,
    state: DeliveryState,
    error: Option<String>,
    acknowledged: Option<Timestamp>,
    /// When `acknowledged` is written, if it has not been.
    due: Option<Instant>,
    last_write: Option<Instant>,
}

impl Reporter {
    pub(super) fn new(destination: Destination, clock: Clock, every: Duration) -> Self {
        Self {
            destination,
            clock,
            every,
            state: DeliveryState::Delivering,
            error: None,
            acknowledged: None,
            due: None,
            last_write: None,
        }
    }

    /// Events were acknowledged. A report follows at once where that is news, otherwise when it is due.
    pub(super) fn delivered(&mut self) -> Option<DeliveryReport> {
        self.acknowledged = Some(self.clock.now());
        let recovered = self.state != DeliveryState::Delivering;
        if recovered {
            info!(destination = self.destination.as_str(), "delivering again");
            self.state = DeliveryState::Delivering;
            self.error = None;
        }
        if recovered || self.last_write.is_none_or(|at| at.elapsed() >= self.every) {
            return Some(self.report());
        }
        self.due = self.due.or_else(|| Some(Instant::now() + self.every));
        None
    }

    /// Something is in the way. Said and reported when it is not what was in the way before.
    pub(super) fn hindered(&mut self, state: DeliveryState, error: String) -> Option<DeliveryReport> {
        if self.state == state && self.error.as_ref() == Some(&error) {
            return None;
        }
        let destination = self.destination.as_str();
        match state {
            DeliveryState::Delivering => {}
            DeliveryState::Retrying if self.state == state => {}
            DeliveryState::Retrying => {
                warn!(
                    destination,
                    reason = error,
                    "cannot deliver for now; everything is kept and tried again"
                );
            }
            DeliveryState::Refused => warn!(
                destination,
                reason = error,
                "the server refuses what this monitor sends; everything is kept and tried again: check the URL, and \
                 that the server knows this monitor's public key under its source name"
            ),
            DeliveryState::NoHistory => {
                info!(destination, "the server keeps no history; older events are not sent to it");
            }
        }
        self.state = state;
        self.error = Some(error);
        Some(self.report())
    }

    /// When a report is due that nothing else will cause.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The report that is due, whether its time has come or not.
    pub(super) fn take_due(&mut self) -> Option<DeliveryReport> {
        self.due.is_some().then(|| self.report())
    }

    fn report(&mut self) -> DeliveryReport {
        self.due = None;
        self.last_write = Some(Instant::now());
        DeliveryReport {
            state: self.state,
            at: self.clock.now(),
            acknowledged: self.acknowledged,
            error: self.error.clone(),
        }
    }
}
