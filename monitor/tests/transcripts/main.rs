//! Transcripts to events, through the crate's public interface.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as a test may")]

mod agents;
mod answers;
mod canaries;
mod copies;
mod damage;
mod desk;
mod facts;
mod harness;
mod identity;
mod leaks;
mod lines;
mod pairing;
mod panics;
mod privacy;
mod prompts;
mod quiet;
mod real;
mod sessions;
mod shapes;
mod sown;
mod traces;
