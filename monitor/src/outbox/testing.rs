//! Rows for tests, this module's and the sender's: outside tests only `privacy` can make an event.

use vibetea_protocol::{EventId, EventType, Timestamp};

use super::{Needs, Outbox, OutboxError};

/// An id that is a number with zeros in front.
pub(crate) fn numbered_id(number: u64) -> EventId {
    EventId::from_key(&format!("{number:020}")).expect("digits make an id")
}

impl Outbox {
    /// Queues an event with [`numbered_id`]; whether it was not waiting already.
    pub(crate) fn put(&self, number: u64, payload: &str, needs: Needs) -> Result<bool, OutboxError> {
        let timestamp = Timestamp::from_micros(1_790_000_000_000_000).expect("a time in 2026");
        self.turn(timestamp, |turn| {
            turn.add_parts((numbered_id(number), timestamp, EventType::Activity), payload, needs)
        })
    }
}
