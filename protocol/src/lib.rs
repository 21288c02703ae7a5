//! What crosses a process border: events, batches, stream frames, answers, signatures, errors.
//!
//! No I/O but reading the wall clock ([`clock`], which both programs are handed) and keeping memory out of core dumps
//! ([`dumps`]), no configuration. The server reads foreign bytes through [`batch`]; the monitor writes through [`event`]
//! and [`payload`], whose types cannot hold free text.

pub mod api;
pub mod batch;
pub mod clock;
pub mod dumps;
pub mod enrol;
pub mod event;
pub mod event_type;
pub mod facts;
pub mod history;
pub mod limits;
pub mod names;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod payload;
mod places;
pub mod problem;
pub mod safe;
pub mod signing;
pub mod stream;
pub mod timestamp;
#[cfg(feature = "typescript")]
pub mod typescript;

pub use clock::Clock;
pub use event::{Event, EventId, SourceId};
pub use event_type::{EventType, TypeField};
pub use problem::{ErrorCode, Problem};
pub use timestamp::Timestamp;

/// Header that names the sending source; equals every event's `source`.
pub const SOURCE_HEADER: &str = "x-source-id";
/// Header of an answer that asks the source to send what its transcripts still hold: the number of the question, a
/// whole number above 0. Who has done that number already has nothing to do.
pub const HISTORY_HEADER: &str = "x-vibetea-history";
/// Header with the base64 Ed25519 signature over the raw body bytes.
pub const SIGNATURE_HEADER: &str = "x-signature";
