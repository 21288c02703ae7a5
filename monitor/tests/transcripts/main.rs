//! Transcripts to events, through the crate's public interface.

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
