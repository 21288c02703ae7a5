//! Events on their way out of a store and into one: lines of JSON, a hosted project's table, and a digest.
//!
//! A line is the same text whichever store it comes from. What comes in is checked as strictly as what monitors
//! send, is stored once however often it comes, and is never broadcast.

mod canonical;
mod chunk;
mod export;
mod hosted;
mod lines;
mod number;
mod progress;
mod refused;
mod resume;

pub use canonical::{CanonicalError, canonical};
pub use chunk::Tally;
pub use export::{Digest, ExportError, Selection, digest, digest_copy, export};
pub use hosted::{HostedError, HostedImport, HostedSource, InvalidUrl, import_hosted};
pub use lines::{LinesError, LinesSource, import_lines};
pub use number::Number;
pub use progress::Progress;
pub use refused::Refused;
