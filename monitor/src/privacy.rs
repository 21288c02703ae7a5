//! The only place where a value of a transcript becomes one that may leave, and the only one that can build a
//! [`RedactedEvent`]. Allow-lists throughout: what is not known to be safe is dropped, never passed on.

use vibetea_protocol::payload::Payload;
use vibetea_protocol::{EventId, EventType, Timestamp};

/// An event that may leave the machine. Its fields are private: nothing outside this module can make one.
#[derive(Debug, Clone, PartialEq)]
pub struct RedactedEvent {
    id: EventId,
    timestamp: Timestamp,
    payload: Payload,
}

impl RedactedEvent {
    /// Derived id.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// When it happened, by the transcript.
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// What happened.
    pub const fn event_type(&self) -> EventType {
        self.payload.event_type()
    }

    /// The payload as compact JSON.
    pub fn payload_json(&self) -> String {
        self.payload.to_json()
    }
}

/// What the operator lets out beyond the fixed rules.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// With leading dots; `None` lets every extension be named.
    extensions: Option<Vec<String>>,
}

impl Policy {
    /// Reads a comma-separated list of extensions, with or without dots; without any entry, all may be named.
    pub fn from_allowlist(list: Option<&str>) -> Self {
        let extensions: Vec<String> = list
            .unwrap_or_default()
            .split(',')
            .map(|entry| entry.trim().trim_start_matches('.'))
            .filter(|entry| !entry.is_empty())
            .map(|entry| format!(".{entry}"))
            .collect();
        Self { extensions: (!extensions.is_empty()).then_some(extensions) }
    }
}
