//! Transcripts to events, through the crate's public interface.

mod harness;
mod real;
