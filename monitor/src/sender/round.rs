//! One round of delivery: events in order, and the search for those that are refused.
//!
//! A server takes or refuses a request as a whole. The search halves what is suspect from the front, so everything
//! before a poison event is delivered by the search itself, everything after it goes on in one request, and no
//! event that was accepted is sent again. Of `n` events one poison event costs at most `log2(n) + 1` more requests.

use crate::outbox::Queued;

/// Events of one look into the outbox, oldest first.
#[derive(Debug, Default)]
pub(super) struct Round {
    rows: Vec<Queued>,
    /// Everything before it is done with.
    next: usize,
    suspect: Option<Suspect>,
}

/// The rows from `next` to `end` hold at least one that is refused.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    end: usize,
    /// Whether more than one answer said so. One alone may have been a passing fault, and an event is never set
    /// aside on that.
    confirmed: bool,
}

impl Round {
    pub(super) fn new(rows: Vec<Queued>) -> Self {
        Self { rows, next: 0, suspect: None }
    }

    /// What to send next, as far as it fits into one request; empty when all are done with.
    pub(super) fn window(&self) -> &[Queued] {
        let end = match self.suspect {
            None => self.rows.len(),
            Some(Suspect { end, .. }) => self.next + probe(end - self.next),
        };
        &self.rows[self.next..end]
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == self.rows.len()
    }

    /// Whether a refusal is being looked into.
    pub(super) fn is_searching(&self) -> bool {
        self.suspect.is_some()
    }

    /// The first `count` of the window were accepted; answers their numbers in the outbox.
    pub(super) fn accepted(&mut self, count: usize) -> Vec<i64> {
        let seqs = self.rows[self.next..self.next + count].iter().map(|row| row.seq).collect();
        self.advance(count);
        seqs
    }

    /// The first `count` of the window were refused. Answers the number of the event that is to blame once it was
    /// refused alone and not for the first time; it is done with then.
    pub(super) fn refused(&mut self, count: usize) -> Option<i64> {
        let confirmed = self.suspect.is_some();
        self.suspect = Some(Suspect { end: self.next + count, confirmed });
        (count == 1 && confirmed).then(|| self.set_aside())
    }

    /// The event that must be refused, though it was not sent alone, because all others of a range that was refused
    /// more than once were accepted.
    pub(super) fn known_poison(&mut self) -> Option<i64> {
        let known = |suspect: &Suspect| suspect.confirmed && suspect.end == self.next + 1;
        self.suspect.as_ref().is_some_and(known).then(|| self.set_aside())
    }

    /// The first event of the window is done with, undelivered; answers its number.
    pub(super) fn set_aside(&mut self) -> i64 {
        let seq = self.rows[self.next].seq;
        self.suspect = None;
        self.advance(1);
        seq
    }

    fn advance(&mut self, count: usize) {
        self.next += count;
        self.suspect = self.suspect.filter(|suspect| suspect.end > self.next);
    }
}

/// How many of a suspect range to try: the largest power of two below its size. It never takes more requests than
/// halving, and fewer where one more is needed to be sure.
fn probe(size: usize) -> usize {
    if size <= 1 { size } else { size.next_power_of_two() / 2 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use vibetea_protocol::{EventId, EventType, Timestamp};

    use super::*;

    fn rows(count: usize) -> Round {
        let row = |seq: usize| Queued {
            seq: i64::try_from(seq).unwrap(),
            id: EventId::from_key("00000000000000000000").unwrap(),
            timestamp: Timestamp::from_micros(0).unwrap(),
            event_type: EventType::Activity,
            payload: String::new(),
        };
        Round::new((0..count).map(row).collect())
    }

    #[derive(Debug, Default, PartialEq)]
    struct Outcome {
        delivered: Vec<i64>,
        set_aside: Vec<i64>,
        requests: usize,
    }

    /// Runs a round against a server that refuses what holds a poison event, and whose request number
    /// `fault` is refused for nothing.
    fn deliver(count: usize, poison: &BTreeSet<i64>, fits: usize, fault: Option<usize>) -> Outcome {
        let mut round = rows(count);
        let mut outcome = Outcome::default();
        while !round.is_done() {
            if let Some(seq) = round.known_poison() {
                outcome.set_aside.push(seq);
                continue;
            }
            let sent = round.window().len().min(fits);
            let refused = round.window()[..sent].iter().any(|row| poison.contains(&row.seq));
            if refused || fault == Some(outcome.requests) {
                outcome.set_aside.extend(round.refused(sent));
            } else {
                outcome.delivered.extend(round.accepted(sent));
            }
            outcome.requests += 1;
        }
        outcome
    }

    #[test]
    fn one_poison_event_is_found_within_the_promised_requests_wherever_it_stands() {
        for count in (1..=130usize).chain([499, 500, 511, 512, 513, 1000]) {
            let most = usize::try_from(count.ilog2()).unwrap() + 1;
            for poison in 0..count {
                let poison = i64::try_from(poison).unwrap();
                let outcome = deliver(count, &BTreeSet::from([poison]), count, None);
                assert_eq!(outcome.set_aside, [poison]);
                assert_eq!(outcome.delivered.len(), count - 1);
                // the first request, the search, and one for what stands behind the poison event
                let behind = usize::from(poison + 1 < i64::try_from(count).unwrap());
                assert!(
                    outcome.requests <= 1 + most + behind,
                    "{} requests for {poison} of {count}",
                    outcome.requests
                );
            }
        }
    }

    proptest! {
        #[test]
        fn exactly_the_poison_events_are_set_aside_and_the_rest_goes_once_in_order(
            count in 1usize..200,
            picks in prop::collection::btree_set(0i64..200, 0..12),
            fits in 1usize..200,
        ) {
            let poison: BTreeSet<i64> = picks.into_iter().filter(|seq| usize::try_from(*seq).unwrap() < count).collect();
            let outcome = deliver(count, &poison, fits, None);
            prop_assert_eq!(&outcome.set_aside, &poison.iter().copied().collect::<Vec<_>>());
            let good: Vec<i64> = (0..i64::try_from(count).unwrap()).filter(|seq| !poison.contains(seq)).collect();
            prop_assert_eq!(&outcome.delivered, &good);
        }

        #[test]
        fn a_single_refusal_for_nothing_sets_nothing_aside(count in 1usize..200) {
            let outcome = deliver(count, &BTreeSet::new(), count, Some(0));
            prop_assert!(outcome.set_aside.is_empty());
            prop_assert_eq!(outcome.delivered.len(), count);
        }
    }
}
