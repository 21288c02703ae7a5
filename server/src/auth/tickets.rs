//! Single-use tickets, so that a browser's token stands in no address.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// How long a ticket may wait to be used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);
/// Most tickets that wait at a time; beyond that the oldest goes.
const MOST: usize = 1024;

type Digest = [u8; 32];

/// The tickets that wait to be used, by their digest.
#[derive(Debug, Default)]
pub struct Tickets {
    waiting: Mutex<HashMap<Digest, Instant>>,
}

impl Tickets {
    /// Makes a ticket; an error only where the machine has no randomness.
    pub fn issue(&self, now: Instant) -> Result<String, getrandom::Error> {
        let mut random = [0; 24];
        getrandom::fill(&mut random)?;
        let ticket = random.iter().fold(String::with_capacity(48), |mut text, byte| {
            // writing to a String cannot fail
            let _ = write!(text, "{byte:02x}");
            text
        });
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            waiting.retain(|_, expires| *expires > now);
        }
        if waiting.len() >= MOST
            && let Some(oldest) = waiting.iter().min_by_key(|(_, expires)| **expires).map(|(key, _)| *key)
        {
            waiting.remove(&oldest);
        }
        waiting.insert(digest(&ticket), now + TICKET_LIFETIME);
        Ok(ticket)
    }

    /// Whether the ticket was waiting; it no longer is.
    pub fn redeem(&self, ticket: &str, now: Instant) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&digest(ticket)).is_some_and(|expires| expires > now)
    }
}

fn digest(ticket: &str) -> Digest {
    Sha256::digest(ticket).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_lets_in_once_and_for_thirty_seconds() {
        let tickets = Tickets::default();
        let now = Instant::now();
        let ticket = tickets.issue(now).unwrap();
        assert!(!tickets.redeem("", now));
        assert!(
            tickets.redeem(&ticket, now + TICKET_LIFETIME.checked_sub(Duration::from_millis(1)).unwrap())
        );
        assert!(!tickets.redeem(&ticket, now));
        let late = tickets.issue(now).unwrap();
        assert!(!tickets.redeem(&late, now + TICKET_LIFETIME));
    }

    #[test]
    fn the_table_is_bounded_and_the_newest_ticket_works() {
        let tickets = Tickets::default();
        let now = Instant::now();
        let first = tickets.issue(now).unwrap();
        for count in 1..=MOST {
            tickets.issue(now + Duration::from_micros(count as u64)).unwrap();
        }
        let last = tickets.issue(now + Duration::from_secs(1)).unwrap();
        assert_eq!(tickets.waiting.lock().unwrap().len(), MOST);
        assert!(!tickets.redeem(&first, now));
        assert!(tickets.redeem(&last, now));
    }
}
