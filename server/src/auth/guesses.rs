//! How often wrong codes are heard, from all addresses together: a code has 40 bits, few for who may try without end.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::limit::RateLimit;

/// Tokens that a wrong code costs; one comes back each second, so ten codes a minute are heard.
const COST: u32 = 6;
/// Wrong codes that are heard at once.
const AT_ONCE: u32 = 10;

/// Counts wrong codes.
#[derive(Debug)]
pub struct Guesses {
    limit: RateLimit<()>,
    turn: Mutex<()>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { limit: RateLimit::new(1, AT_ONCE * COST, 1), turn: Mutex::new(()) }
    }
}

impl Guesses {
    /// Counts a code before it is looked at, or answers the seconds until one is heard again. Whoever goes away before
    /// the answer has guessed all the same.
    pub fn count(&self, now: Instant) -> Result<(), u64> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.admit(&(), now)?;
        self.limit.debit(&(), COST as usize, now);
        Ok(())
    }

    /// The code was right: it does not count.
    pub fn forgive(&self, now: Instant) {
        self.limit.credit(&(), COST, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIFETIME: Duration = Duration::from_mins(15);

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
        let heard = heard(|now| guesses.count(now).is_ok());
        assert!((150..=161).contains(&heard), "{heard}");
        // where as many codes as may be always wait, one of them is found in some seven hundred years
        let (codes, combinations) = (256, 1_u64 << 40);
        assert!(u64::from(heard) * codes < combinations / 10_000_000);
    }

    #[test]
    fn right_codes_cost_nothing_and_a_counter_that_forgives_all_is_seen() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..1000 {
            assert_eq!(guesses.count(now), Ok(()));
            guesses.forgive(now);
        }
        for _ in 0..AT_ONCE {
            assert_eq!(guesses.count(now), Ok(()));
        }
        assert!(guesses.count(now).is_err());

        let guesses = Guesses::default();
        let heard = heard(|now| {
            let is_heard = guesses.count(now).is_ok();
            guesses.forgive(now);
            is_heard
        });
        assert!(heard > 161, "the test above sees it: {heard}");
    }

    #[test]
    fn the_seconds_to_wait_are_told() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..AT_ONCE {
            guesses.count(now).unwrap();
        }
        assert_eq!(guesses.count(now), Err(1));
        assert_eq!(guesses.count(now + Duration::from_millis(1100)), Ok(()));
        assert_eq!(guesses.count(now + Duration::from_millis(1100)), Err(5));
    }
}
