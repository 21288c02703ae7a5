//! How many connections each address holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Block;

/// Counts by address; no larger than the number of connections, as what nobody holds is not kept.
#[derive(Debug)]
pub(crate) struct Holdings {
    most: usize,
    counts: Mutex<HashMap<Block, usize>>,
}

/// One of an address's connections; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    holdings: Arc<Holdings>,
    block: Block,
}

impl Holdings {
    /// At most so many for each address.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// One more for this address; `None` where it has the most.
    pub(crate) fn take(this: &Arc<Self>, block: Block) -> Option<Held> {
        let mut counts = this.lock();
        let count = counts.entry(block).or_default();
        if *count >= this.most {
            return None;
        }
        *count += 1;
        Some(Held { holdings: Arc::clone(this), block })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Block, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.holdings.lock().entry(self.block) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
