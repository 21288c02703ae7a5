//! The event itself and its checked parts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event_type::{EventType, TypeField};
use crate::limits::MAX_SOURCE_CHARS;
use crate::payload::Payload;
use crate::timestamp::Timestamp;

/// Text in front of every id.
pub const ID_PREFIX: &str = "evt_";
const ID_CHARS: usize = 20;

/// The 20 characters of an id after `evt_`: `[a-z0-9]`, and `[A-Z]` where the live route lets them in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; ID_CHARS]);

/// The text is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 'evt_' and 20 characters of a-z and 0-9")]
pub struct InvalidId;

impl EventId {
    /// Reads `evt_…`; `upper_case` lets `[A-Z]` in, which older senders write on the live route.
    pub fn parse(text: &str, upper_case: bool) -> Result<Self, InvalidId> {
        Self::from_key(text.strip_prefix(ID_PREFIX).ok_or(InvalidId)?)
            .filter(|id| upper_case || !id.0.iter().any(u8::is_ascii_uppercase))
            .ok_or(InvalidId)
    }

    /// From the 20 characters alone, as a store keeps them.
    pub fn from_key(key: &str) -> Option<Self> {
        let bytes: [u8; ID_CHARS] = key.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The 20 characters without the prefix.
    pub fn key(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID_PREFIX}{}", self.key())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text, true)
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Name of a monitor: 1 to 128 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceId(String);

/// The text is no source name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a source is 1 to 128 characters without control characters")]
pub struct InvalidSource;

impl SourceId {
    /// Whether the text could be a source.
    pub fn is_valid(text: &str) -> bool {
        // bytes bound characters from above, so the count is only taken of what might be too long
        !text.is_empty()
            && (text.len() <= MAX_SOURCE_CHARS || text.chars().count() <= MAX_SOURCE_CHARS)
            && !text.chars().any(char::is_control)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceId {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if Self::is_valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidSource) }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event as our monitor makes it. Its payload types cannot hold free text.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Derived, never random; unique in the store.
    pub id: EventId,
    /// When it happened, by the transcript.
    pub timestamp: Timestamp,
    /// What happened.
    pub payload: Payload,
}

/// Appends one event as JSON to `out`; `payload` is JSON text already.
pub fn write_event(
    out: &mut String,
    type_field: TypeField,
    id: &EventId,
    source: &SourceId,
    timestamp: Timestamp,
    event_type: EventType,
    payload: &str,
) {
    use fmt::Write as _;
    let source = serde_json::to_string(source).unwrap_or_default();
    // writing to a String cannot fail
    let _ = write!(
        out,
        r#"{{"id":"{id}","source":{source},"timestamp":"{timestamp}","{}":"{}","payload":{payload}}}"#,
        type_field.as_str(),
        event_type.as_str(),
    );
}
