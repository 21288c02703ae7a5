//! Frames of the WebSocket, one JSON object per text frame.

use crate::event::{EventId, SourceId, write_event};
use crate::event_type::{EventType, TypeField};
use crate::timestamp::Timestamp;

/// First frame when the asked-for position is unknown or too old: what the subscriber holds may have gaps.
pub const RESET_FRAME: &str = r#"{"control":"reset"}"#;

/// One event as a text frame with the fields `id, source, timestamp, type, payload`.
pub fn event_frame(
    id: &EventId,
    source: &SourceId,
    timestamp: Timestamp,
    event_type: EventType,
    payload: &str,
) -> String {
    let mut frame = String::with_capacity(payload.len() + source.as_str().len() + 110);
    write_event(&mut frame, TypeField::Type, id, source, timestamp, event_type, payload);
    frame
}
