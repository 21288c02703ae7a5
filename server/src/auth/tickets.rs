//! Single-use tickets, so that a browser's token stands in no address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::Holder;
use crate::hex::hex;

/// How long a ticket may wait to be used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);
/// Most tickets that wait at a time; beyond that the oldest goes.
const MOST: usize = 1024;

/// What is kept of a ticket.
type TicketDigest = [u8; 32];

/// A ticket that waits.
#[derive(Debug)]
struct Waiting {
    expires: Instant,
    holder: Holder,
}

/// Makes a ticket; an error only where the machine has no randomness.
pub fn new_ticket() -> Result<String, getrandom::Error> {
    let mut random = [0; 24];
    getrandom::fill(&mut random)?;
    Ok(hex(&random))
}

/// What is kept of this ticket.
pub fn ticket_digest(ticket: &str) -> TicketDigest {
    Sha256::digest(ticket).into()
}

/// The tickets of a server alone that wait to be used, by their digest.
#[derive(Debug, Default)]
pub struct Tickets {
    waiting: Mutex<HashMap<TicketDigest, Waiting>>,
}

impl Tickets {
    /// Lets a ticket wait for the holder of a token.
    pub fn keep(&self, digest: TicketDigest, holder: Holder, now: Instant) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            waiting.retain(|_, ticket| ticket.expires > now);
        }
        if waiting.len() >= MOST
            && let Some(oldest) = waiting.iter().min_by_key(|(_, ticket)| ticket.expires).map(|(key, _)| *key)
        {
            waiting.remove(&oldest);
        }
        waiting.insert(digest, Waiting { expires: now + TICKET_LIFETIME, holder });
    }

    /// For whom the ticket was waiting; it no longer is.
    pub fn take(&self, digest: &TicketDigest, now: Instant) -> Option<Holder> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(digest).filter(|ticket| ticket.expires > now).map(|ticket| ticket.holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tickets: &Tickets, now: Instant) -> TicketDigest {
        let digest = ticket_digest(&new_ticket().unwrap());
        tickets.keep(digest, Holder::Issued([7; 32]), now);
        digest
    }

    #[test]
    fn a_ticket_lets_in_once_and_for_thirty_seconds() {
        let tickets = Tickets::default();
        let now = Instant::now();
        let ticket = kept(&tickets, now);
        assert_eq!(tickets.take(&ticket_digest(""), now), None);
        let in_time = now + TICKET_LIFETIME.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(tickets.take(&ticket, in_time), Some(Holder::Issued([7; 32])));
        assert_eq!(tickets.take(&ticket, now), None);
        let late = kept(&tickets, now);
        assert_eq!(tickets.take(&late, now + TICKET_LIFETIME), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_newest_ticket_works() {
        let tickets = Tickets::default();
        let now = Instant::now();
        let first = kept(&tickets, now);
        for count in 1..=MOST {
            kept(&tickets, now + Duration::from_micros(count as u64));
        }
        let last = kept(&tickets, now + Duration::from_secs(1));
        assert_eq!(tickets.waiting.lock().unwrap().len(), MOST);
        assert!(tickets.take(&first, now).is_none());
        assert!(tickets.take(&last, now).is_some());
    }
}
