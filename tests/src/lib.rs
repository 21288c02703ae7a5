//! What the whole-system tests and the bench share: starting, asking and killing the real programs, writing
//! transcripts, and knowing what must come of them.

pub mod answers;
pub mod dice;
pub mod exactly_once;
pub mod fuzz;
pub mod history;
pub mod hosted;
pub mod oracle;
pub mod place;
pub mod program;
pub mod release;
pub mod skip;
pub mod socket;
pub mod stored;
pub mod transcript;
pub mod wait;
