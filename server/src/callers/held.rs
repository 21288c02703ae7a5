//! How many connections each address holds, and how many live streams each token.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by who holds; no larger than the number of connections, as what nobody holds is not kept.
#[derive(Debug)]
pub struct Holdings<K> {
    most: usize,
    counts: Mutex<HashMap<K, usize>>,
}

/// One of what somebody holds; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held<K: Copy + Eq + Hash> {
    holdings: Arc<Holdings<K>>,
    who: K,
}

impl<K: Copy + Eq + Hash> Holdings<K> {
    /// At most so many for each.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// One more for whoever it is; `None` where they have the most.
    pub(crate) fn take(this: &Arc<Self>, who: K) -> Option<Held<K>> {
        let mut counts = this.lock();
        let count = counts.entry(who).or_default();
        if *count >= this.most {
            return None;
        }
        *count += 1;
        Some(Held { holdings: Arc::clone(this), who })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.holdings.lock().entry(self.who) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Block;
    use super::*;

    #[test]
    fn an_address_holds_no_more_than_the_most_and_gets_back_what_it_gives_up() {
        let holdings = Arc::new(Holdings::new(2));
        let take = |address| Holdings::take(&holdings, Block::V4(address));
        let (first, _second) = (take(1).unwrap(), take(1).unwrap());
        assert!(take(1).is_none());
        assert!(take(2).is_some(), "another address has its own");
        drop(first);
        assert!(take(1).is_some());
    }

    #[test]
    fn what_nobody_holds_is_not_kept() {
        let holdings = Arc::new(Holdings::new(1));
        for address in 0..1000 {
            drop(Holdings::take(&holdings, Block::V4(address)));
        }
        assert!(holdings.lock().is_empty());
    }
}
