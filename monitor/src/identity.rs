//! Names for events and for what the monitor remembers: keyed hashes, never random, never the raw ids.
//!
//! Everything is derived from the monitor's first private key, so the same transcript gives the same ids on the same
//! key and on those that follow it, and nobody without the key can test a guess against an id.

use vibetea_protocol::names::{BaseName, SessionId};
use vibetea_protocol::{EventId, SourceId, Timestamp};
use zeroize::Zeroizing;

const BASE: u128 = 36;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const HOUR_CHARS: usize = 4;
const HASH_CHARS: usize = 16;
const PROJECT_PREFIX: &str = "p-";
const PROJECT_CHARS: usize = 10;

/// What happened, status included, as the id sees it: two kinds of one natural key are two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A session's first record.
    SessionStarted,
    /// A session's last record before a silence.
    SessionEnded,
    /// A typed prompt.
    Activity,
    /// A tool call.
    ToolStarted,
    /// A tool call's result.
    ToolCompleted,
    /// A subagent's call.
    AgentStarted,
    /// A subagent's good end.
    AgentCompleted,
    /// A subagent's bad end.
    AgentFailed,
    /// A failure between the agent and its model.
    Error,
    /// A session summed up.
    Summary,
}

impl EventKind {
    const fn word(self) -> &'static str {
        match self {
            Self::SessionStarted => "session.started",
            Self::SessionEnded => "session.ended",
            Self::Activity => "activity",
            Self::ToolStarted => "tool.started",
            Self::ToolCompleted => "tool.completed",
            Self::AgentStarted => "agent.started",
            Self::AgentCompleted => "agent.completed",
            Self::AgentFailed => "agent.failed",
            Self::Error => "error",
            Self::Summary => "summary",
        }
    }
}

macro_rules! hashed_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The key as a store keeps it.
            pub const fn as_i64(self) -> i64 {
                self.0.cast_signed()
            }

            /// From what a store kept.
            pub const fn from_i64(kept: i64) -> Self {
                Self(kept.cast_unsigned())
            }
        }
    };
}

hashed_key!(
    /// One event, whatever its time: a copy of a record has the same.
    NaturalKey
);
hashed_key!(
    /// One tool call, or one subagent, across all files.
    CallKey
);
hashed_key!(
    /// One record, across all files that hold a copy of it.
    RecordKey
);

macro_rules! part_of_a_key {
    ($name:ident) => {
        impl $name {
            /// The key as part of another.
            pub(crate) const fn to_bytes(self) -> [u8; 8] {
                self.0.to_le_bytes()
            }
        }
    };
}

part_of_a_key!(CallKey);
part_of_a_key!(RecordKey);

/// An event's id and the key that its copies share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Time in front, keyed hash behind.
    pub id: EventId,
    /// The same for a copy with another time.
    pub natural: NaturalKey,
}

/// The two keys that everything is derived with. They were derived from a private key, outlive it when it is changed,
/// and tell nothing of it.
#[derive(Clone)]
pub struct NameKeys {
    events: Zeroizing<[u8; 32]>,
    memory: Zeroizing<[u8; 32]>,
}

impl NameKeys {
    /// How many bytes they have together.
    pub const BYTES: usize = 64;

    /// Those of a private key.
    pub fn of(private_key: &[u8; 32]) -> Self {
        Self {
            events: Zeroizing::new(blake3::derive_key("vibetea-monitor 2026-11 event ids", private_key)),
            memory: Zeroizing::new(blake3::derive_key("vibetea-monitor 2026-11 memory keys", private_key)),
        }
    }

    /// What [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self { events: Zeroizing::new(leading(bytes)), memory: Zeroizing::new(leading(&bytes[32..])) }
    }

    /// Both, to be kept as a secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..32].copy_from_slice(self.events.as_slice());
        bytes[32..].copy_from_slice(self.memory.as_slice());
        bytes
    }
}

impl std::fmt::Debug for NameKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameKeys").finish_non_exhaustive()
    }
}

/// Derives every id; holds keys that were derived from the monitor's private key, not that key.
#[derive(Clone)]
pub struct Identity {
    keys: NameKeys,
    source: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// For the monitor with this private key that sends as `source`.
    pub fn new(private_key: &[u8; 32], source: &SourceId) -> Self {
        Self::with(&NameKeys::of(private_key), source)
    }

    /// For the monitor that sends as `source` and keeps these keys.
    pub fn with(keys: &NameKeys, source: &SourceId) -> Self {
        Self { keys: keys.clone(), source: source.as_str().to_owned() }
    }

    /// Names the event of this kind, time and natural key (the parts in their order).
    pub fn event(&self, kind: EventKind, timestamp: Timestamp, natural: &[&[u8]]) -> Named {
        let mut hasher = framed(&self.keys.events, kind.word(), [self.source.as_bytes()]);
        for part in natural {
            frame(&mut hasher, part);
        }
        let hash = hasher.finalize();
        let mut key = [0; HOUR_CHARS + HASH_CHARS];
        let (hours, rest) = key.split_at_mut(HOUR_CHARS);
        base36(u128::from(timestamp.hours().unsigned_abs()), hours);
        base36(u128::from_le_bytes(leading(&hash.as_bytes()[8..])), rest);
        let id = std::str::from_utf8(&key).ok().and_then(EventId::from_key);
        Named {
            id: id.expect("base 36 digits make an id"),
            natural: NaturalKey(u64::from_le_bytes(leading(hash.as_bytes()))),
        }
    }

    /// The call with this tool-use id.
    pub fn call(&self, tool_use_id: &str) -> CallKey {
        CallKey(self.hash("call", &[tool_use_id.as_bytes()]))
    }

    /// Where the end of an asynchronous subagent waits that is reported under its call's id.
    pub fn call_end(&self, call: CallKey) -> CallKey {
        CallKey(self.hash("call end", &[&call.to_bytes()]))
    }

    /// The subagent with this id in this session.
    pub fn agent(&self, session: &str, agent_id: &str) -> CallKey {
        CallKey(self.hash("agent", &[session.as_bytes(), agent_id.as_bytes()]))
    }

    /// The record with this uuid.
    pub fn record(&self, uuid: &str) -> RecordKey {
        RecordKey(self.hash("record", &[uuid.as_bytes()]))
    }

    /// A record without a uuid, by where it stands and what it says.
    pub fn placed_record(&self, relative_path: &str, offset: u64, text: &[u8]) -> RecordKey {
        RecordKey(self.hash("placed record", &[relative_path.as_bytes(), &offset.to_le_bytes(), text]))
    }

    /// The name of something that is only counted.
    pub fn tag(&self, name: &str) -> u64 {
        self.hash("tag", &[name.as_bytes()])
    }

    /// A project's name, told from others and not told.
    pub(crate) fn project(&self, name: &str) -> BaseName {
        let hash = framed(&self.keys.memory, "project", [name.as_bytes()]).finalize();
        let mut digits = [0; PROJECT_CHARS];
        base36(u128::from_le_bytes(leading(hash.as_bytes())), &mut digits);
        let digits = digits.iter().copied().map(char::from);
        let name: String = PROJECT_PREFIX.chars().chain(digits).collect();
        BaseName::new(&name).expect("base 36 digits make a name")
    }

    /// A session that names itself nowhere, by its file; formatted as a UUID.
    pub fn session(&self, relative_path: &str) -> SessionId {
        let hash = framed(&self.keys.memory, "session", [relative_path.as_bytes()]).finalize();
        let id = uuid::Builder::from_custom_bytes(leading(hash.as_bytes())).into_uuid();
        SessionId::new(&id.hyphenated().to_string()).expect("a hyphenated uuid is a session id")
    }

    fn hash(&self, what: &str, parts: &[&[u8]]) -> u64 {
        let hash = framed(&self.keys.memory, what, parts.iter().copied()).finalize();
        u64::from_le_bytes(leading(hash.as_bytes()))
    }
}

fn framed<'a>(key: &[u8; 32], what: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(key);
    frame(&mut hasher, what.as_bytes());
    for part in parts {
        frame(&mut hasher, part);
    }
    hasher
}

/// Length first, so that no two lists of parts give the same bytes.
fn frame(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn leading<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// Writes the low digits, most significant first; what does not fit is cut off in front.
fn base36(mut value: u128, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(value % BASE) as usize];
        value /= BASE;
    }
}
