//! What a store looks like from outside, without changing anything in it.

use vibetea_protocol::Timestamp;

/// Whether what is stored is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// As far as the database can tell.
    Whole(String),
    /// It is not, and how that shows.
    Damaged(String),
    /// Nobody could tell, and why.
    Unknown(String),
}

/// Who stands in the store, keys and tokens in force alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// Sources with a key.
    pub sources: u64,
    /// Tokens of those who watch.
    pub tokens: u64,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The newest migration that was run; 0 where there is no store.
    pub schema: i64,
    /// The newest migration that this release knows.
    pub known_schema: i64,
    /// Whether what is stored is as it was written.
    pub integrity: Integrity,
    /// Stored events, and how many the kept counts say there are.
    pub events: (u64, u64),
    /// Who may send and watch; none where the store has not this release's schema.
    pub registered: Option<Registered>,
    /// Why nothing can be stored; none where it can, as far as rights go.
    pub read_only: Option<String>,
    /// The database's clock; none where it has none of its own.
    pub clock: Option<Timestamp>,
}
