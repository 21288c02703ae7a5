//! What kinds of events there are, and how the field that says it is spelt.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum EventType {
    /// A session started or ended.
    Session = 0,
    /// A person typed something.
    Activity = 1,
    /// A tool was called or came back.
    Tool = 2,
    /// A subagent started, completed or failed.
    Agent = 3,
    /// A session was summed up; the words themselves never leave.
    Summary = 4,
    /// Something went wrong between the agent and its model.
    Error = 5,
}

impl EventType {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Session, Self::Activity, Self::Tool, Self::Agent, Self::Summary, Self::Error];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Activity => "activity",
            Self::Tool => "tool",
            Self::Agent => "agent",
            Self::Summary => "summary",
            Self::Error => "error",
        }
    }

    /// From the word on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The number a store keeps.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// From the number a store keeps.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// How the type field is spelt: the batch route began with `eventType`, the live route with `type`.
/// Every reader takes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeField {
    /// `eventType`, for `/ingest`.
    EventType,
    /// `type`, for `/events` and the WebSocket.
    Type,
}

impl TypeField {
    /// The field's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventType => "eventType",
            Self::Type => "type",
        }
    }
}
