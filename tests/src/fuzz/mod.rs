//! One function for each parser of outside bytes: whatever it is given, it does not break, and what it takes obeys the
//! rules. Called with mutated examples by the tests, and by `fuzz/` with what a coverage-guided fuzzer thinks of.

mod hello;
mod ingest;
mod mutate;
mod seeds;
mod signature;
mod transcript;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use hello::socket_hello;
pub use ingest::ingest_body;
pub use signature::signature_header;
pub use transcript::transcript_line;

use crate::dice::Dice;

/// A parser with the rules it is held to, and examples to begin with.
pub struct Target {
    /// Its name, as that of its binary in `fuzz/`.
    pub name: &'static str,
    /// Panics where a rule is broken.
    pub check: fn(&[u8]),
    /// Good and bad examples.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 4] = [
    Target { name: "ingest_body", check: ingest_body, seeds: seeds::bodies },
    Target { name: "signature_header", check: signature_header, seeds: seeds::signatures },
    Target { name: "socket_hello", check: socket_hello, seeds: seeds::hellos },
    Target { name: "transcript_line", check: transcript_line, seeds: seeds::transcripts },
];

/// An input that broke a rule.
#[derive(Debug)]
pub struct Broken {
    /// The input.
    pub input: Vec<u8>,
    /// How often it went well before.
    pub after: u64,
}

impl Target {
    /// Checks every example and then mutations of them for so long; answers how many inputs were tried.
    pub fn run(&self, patience: Duration, dice: &mut Dice) -> Result<u64, Broken> {
        let (seeds, start) = ((self.seeds)(), Instant::now());
        let mut tried = 0;
        for seed in &seeds {
            self.one(seed, &mut tried)?;
        }
        while start.elapsed() < patience {
            let input = mutate::mutated(&seeds, dice);
            self.one(&input, &mut tried)?;
        }
        Ok(tried)
    }

    fn one(&self, input: &[u8], tried: &mut u64) -> Result<(), Broken> {
        let check = AssertUnwindSafe(|| (self.check)(input));
        catch_unwind(check).map_err(|_| Broken { input: input.to_vec(), after: *tried })?;
        *tried += 1;
        Ok(())
    }
}
