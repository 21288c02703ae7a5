//! How often wrong codes are heard: a code has 40 bits, few for who may try without end. Counted by address, so that
//! nobody keeps others from joining, and over all of them, so that many addresses do not help.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::callers::Block;
use crate::limit::RateLimit;

/// Tokens that a wrong code costs its address; one comes back each second, so ten codes a minute are heard.
const COST: u32 = 6;
/// Wrong codes of an address that are heard at once.
const AT_ONCE: u32 = 10;
/// How much more is heard of all addresses together.
const ALL: u32 = 10;
/// Most addresses that are counted at a time.
const MOST_ADDRESSES: usize = 4096;

/// Counts wrong codes.
#[derive(Debug)]
pub struct Guesses {
    by_address: RateLimit<Block>,
    all: RateLimit<()>,
    turn: Mutex<()>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            by_address: RateLimit::new(1, AT_ONCE * COST, MOST_ADDRESSES),
            all: RateLimit::new(ALL, ALL * AT_ONCE * COST, 1),
            turn: Mutex::new(()),
        }
    }
}

impl Guesses {
    /// Counts a code of an address before it is looked at, or answers the seconds until one is heard again. Whoever goes
    /// away before the answer has guessed all the same.
    pub(crate) fn count(&self, from: Block, now: Instant) -> Result<(), u64> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.by_address.admit(&from, now)?;
        self.all.admit(&(), now)?;
        self.by_address.debit(&from, COST as usize, now);
        self.all.debit(&(), COST as usize, now);
        Ok(())
    }

    /// The code was right: it does not count.
    pub(crate) fn forgive(&self, from: Block, now: Instant) {
        self.by_address.credit(&from, COST, now);
        self.all.credit(&(), COST, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIFETIME: Duration = Duration::from_mins(15);
    const ONE: Block = Block::V4(1);

    /// Wrong codes that are heard while a code can be used, where somebody tries a thousand times a second.
    fn heard(mut count: impl FnMut(Instant) -> bool) -> u32 {
        let start = Instant::now();
        (0..LIFETIME.as_secs() * 1000)
            .map(|millis| u32::from(count(start + Duration::from_millis(millis))))
            .sum()
    }

    #[test]
    fn a_code_cannot_be_guessed_while_it_can_be_used() {
        let guesses = Guesses::default();
        let of_one = heard(|now| guesses.count(ONE, now).is_ok());
        assert!((150..=161).contains(&of_one), "{of_one}");
        let (guesses, mut address) = (Guesses::default(), 0);
        let of_many = heard(|now| {
            address = (address + 1) % 500;
            guesses.count(Block::V4(address), now).is_ok()
        });
        assert!((1500..=1610).contains(&of_many), "{of_many}");
        // where as many codes as may be always wait, one of them is found in some seventy years
        let (codes, combinations) = (256, 1_u64 << 40);
        assert!(u64::from(of_many) * codes < combinations / 1_000_000);
    }

    #[test]
    fn who_guesses_keeps_no_other_address_from_being_heard() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let tried = |address| (0..1000).filter(|_| guesses.count(Block::V4(address), now).is_ok()).count();
        assert_eq!(tried(1), 10);
        assert_eq!(tried(1), 0, "the twin: the same address is not heard");
        assert_eq!(tried(2), 10);
        assert_eq!((3..100).map(tried).sum::<usize>(), 80, "all together have ten times as much");
    }

    #[test]
    fn right_codes_cost_nothing_and_a_counter_that_forgives_all_is_seen() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..1000 {
            assert_eq!(guesses.count(ONE, now), Ok(()));
            guesses.forgive(ONE, now);
        }
        for _ in 0..AT_ONCE {
            assert_eq!(guesses.count(ONE, now), Ok(()));
        }
        assert!(guesses.count(ONE, now).is_err());

        let guesses = Guesses::default();
        let heard = heard(|now| {
            let is_heard = guesses.count(ONE, now).is_ok();
            guesses.forgive(ONE, now);
            is_heard
        });
        assert!(heard > 161, "the test above sees it: {heard}");
    }

    #[test]
    fn the_seconds_to_wait_are_told() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..AT_ONCE {
            guesses.count(ONE, now).unwrap();
        }
        assert_eq!(guesses.count(ONE, now), Err(1));
        assert_eq!(guesses.count(ONE, now + Duration::from_millis(1100)), Ok(()));
        assert_eq!(guesses.count(ONE, now + Duration::from_millis(1100)), Err(5));
    }
}
