//! Transcripts to events, through the crate's public interface.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as a test may")]

mod canaries;
mod damage;
mod harness;
mod identity;
mod lines;
mod pairing;
mod privacy;
mod prompts;
mod real;
mod sessions;
