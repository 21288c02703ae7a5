//! What may leave a machine, as a property of types: a payload whose field could hold free text does not compile.

use crate::names::{AgentId, AgentType, BaseName, ErrorCategory, SessionId, ToolName};
use crate::{EventId, EventType, SourceId, Timestamp};

mod sealed {
    /// Nobody outside this crate declares a type safe.
    pub trait Sealed {}
}

pub(crate) use sealed::Sealed;

/// A value that cannot hold free text.
pub trait Safe: Sealed {
    /// What stands there, for people.
    const HOLDS: &'static str;
    /// Whether it may be absent.
    const OPTIONAL: bool = false;
}

/// Declares types of this crate safe, each with what it holds.
macro_rules! safe {
    ($($type:ty: $holds:literal),* $(,)?) => {
        $(
            impl $crate::safe::Sealed for $type {}
            impl $crate::safe::Safe for $type {
                const HOLDS: &'static str = $holds;
            }
        )*
    };
}

pub(crate) use safe;

safe! {
    bool: "`true` or `false`",
    u64: "a whole number",
    EventId: "`evt_`, the hour, and a keyed hash",
    EventType: "`session`, `activity`, `tool`, `agent`, `summary` or `error`",
    Timestamp: "a moment",
    SourceId: "the name you gave this machine, its host name otherwise",
    SessionId: "a UUID",
    AgentId: "up to 40 of `0-9`, `a-f`",
    BaseName: "one path component, up to 100 characters",
    ToolName: "a built-in tool's name, `mcp` or `other`; of the MCP servers that you let be named, the tool's whole name",
    AgentType: "a built-in kind, or `custom`",
    ErrorCategory: "a word of a closed list, else `unknown`",
}

impl<T: Safe> Sealed for Option<T> {}

impl<T: Safe> Safe for Option<T> {
    const HOLDS: &'static str = T::HOLDS;
    const OPTIONAL: bool = true;
}

/// One field as it leaves, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As in Rust; on the wire in camel case.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// What its type holds.
    pub holds: &'static str,
    /// Whether it may be absent.
    pub optional: bool,
}

impl Field {
    /// Describes a field of type `T`.
    pub const fn of<T: Safe>(name: &'static str, says: &'static str) -> Self {
        Self { name, says, holds: T::HOLDS, optional: T::OPTIONAL }
    }

    /// The name on the wire.
    pub fn wire_name(&self) -> String {
        let mut words = self.name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let (head, rest) = word.split_at(word.len().min(1));
            name + &head.to_ascii_uppercase() + rest
        })
    }
}

/// The fields around every payload.
pub const ENVELOPE: &[Field] = &[
    Field::of::<EventId>(
        "id",
        "Names the event; nobody without the machine's key can test a guess against it.",
    ),
    Field::of::<SourceId>("source", "The machine."),
    Field::of::<Timestamp>("timestamp", "When it happened."),
    Field::of::<EventType>("type", "What happened."),
];

/// A payload that describes itself.
pub trait Described {
    /// What the event says.
    const ABOUT: &'static str;
    /// What of the same moment is never sent.
    const NEVER: &'static str;
    /// Its fields, in their order.
    const FIELDS: &'static [Field];
}

/// One event's payload, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The event.
    pub event_type: EventType,
    /// What it says.
    pub about: &'static str,
    /// What of the same moment is never sent.
    pub never: &'static str,
    /// Its payload's fields.
    pub fields: &'static [Field],
}

impl Description {
    /// Describes the payload `P` of this event.
    pub const fn of<P: Described>(event_type: EventType) -> Self {
        Self { event_type, about: P::ABOUT, never: P::NEVER, fields: P::FIELDS }
    }
}
