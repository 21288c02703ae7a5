//! How fast somebody may ask: a token bucket each, in a bounded table.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A full bucket that nobody asked for this long is dropped.
const IDLE: Duration = Duration::from_mins(1);

/// Token buckets by source, address or whatever else names who asks.
#[derive(Debug)]
pub struct RateLimit<K> {
    per_second: f64,
    capacity: f64,
    /// Most buckets of one generation.
    half: usize,
    table: Mutex<Table<K>>,
}

/// Two generations: a bucket that is asked for moves to the young one. When that is full it becomes the old one, and
/// what nobody asked for since the last time goes. So a new name costs the same whatever the table holds.
#[derive(Debug)]
struct Table<K> {
    young: HashMap<K, Bucket>,
    old: HashMap<K, Bucket>,
    swept: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// May be negative: a large batch is let in and paid off afterwards.
    tokens: f64,
    filled: Instant,
}

impl<K: Eq + Hash + Clone> RateLimit<K> {
    /// At most `most` buckets that gain `per_second` tokens and hold `capacity` at most.
    pub fn new(per_second: u32, capacity: u32, most: usize) -> Self {
        let table = Table { young: HashMap::new(), old: HashMap::new(), swept: None };
        Self {
            per_second: per_second.into(),
            capacity: capacity.into(),
            half: (most / 2).max(1),
            table: Mutex::new(table),
        }
    }

    /// Whether whoever it is may ask now, that is, its bucket is positive; otherwise the whole seconds until it is,
    /// at least 1.
    pub fn admit(&self, who: &K, now: Instant) -> Result<(), u64> {
        let tokens = self.with_bucket(who, now, |bucket| bucket.tokens);
        if tokens > 0.0 { Ok(()) } else { Err(whole_seconds(-tokens / self.per_second)) }
    }

    /// Takes `tokens` out of its bucket.
    pub fn debit(&self, who: &K, tokens: usize, now: Instant) {
        let tokens = u32::try_from(tokens).map_or(f64::from(u32::MAX), f64::from);
        self.with_bucket(who, now, |bucket| bucket.tokens -= tokens);
    }

    /// Gives back `tokens` that were taken for nothing.
    pub fn credit(&self, who: &K, tokens: u32, now: Instant) {
        let capacity = self.capacity;
        self.with_bucket(who, now, |bucket| {
            bucket.tokens = (bucket.tokens + f64::from(tokens)).min(capacity);
        });
    }

    fn with_bucket<T>(&self, who: &K, now: Instant, then: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut table = self.lock();
        self.drop_idle(&mut table, now);
        let fresh = Bucket { tokens: self.capacity, filled: now };
        if !table.young.contains_key(who) {
            let bucket = table.old.remove(who).unwrap_or(fresh);
            if table.young.len() >= self.half {
                table.turn();
            }
            table.young.insert(who.clone(), bucket);
        }
        let bucket = table.young.entry(who.clone()).or_insert(fresh);
        self.fill(bucket, now);
        then(bucket)
    }

    fn fill(&self, bucket: &mut Bucket, now: Instant) {
        let seconds = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + seconds * self.per_second).min(self.capacity);
        bucket.filled = bucket.filled.max(now);
    }

    /// Once in a while drops the buckets nobody asks for. One that is not full again stays: forgetting it
    /// would forgive a debt.
    fn drop_idle(&self, table: &mut Table<K>, now: Instant) {
        if table.swept.is_some_and(|swept| now.saturating_duration_since(swept) < IDLE) {
            return;
        }
        table.swept = Some(now);
        let stays = |_: &K, bucket: &mut Bucket| {
            let asked = bucket.filled;
            let seconds = now.saturating_duration_since(asked).as_secs_f64();
            bucket.tokens + seconds * self.per_second < self.capacity
                || now.saturating_duration_since(asked) < IDLE
        };
        table.young.retain(stays);
        table.old.retain(stays);
    }

    fn lock(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Table<K> {
    /// The young become the old; the old go, and leave their room.
    fn turn(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a finite positive number of seconds, far below 2^64"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4096;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn limit(per_second: u32, capacity: u32) -> RateLimit<String> {
        RateLimit::new(per_second, capacity, MOST)
    }

    fn names(limit: &RateLimit<String>) -> Vec<String> {
        let table = limit.lock();
        let mut names: Vec<_> = table.young.keys().chain(table.old.keys()).cloned().collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_batch_beyond_the_capacity_is_let_in_and_paid_off() {
        let limit = limit(100, 100);
        let (laptop, start) = ("laptop".to_owned(), Instant::now());
        assert_eq!(limit.admit(&laptop, start), Ok(()));
        limit.debit(&laptop, 1000, start);
        assert_eq!(limit.admit(&laptop, start), Err(9));
        assert_eq!(limit.admit(&laptop, start + Duration::from_millis(8500)), Err(1));
        assert_eq!(limit.admit(&laptop, start + seconds(9)), Err(1));
        assert_eq!(limit.admit(&laptop, start + Duration::from_millis(9010)), Ok(()));
    }

    #[test]
    fn a_bucket_holds_no_more_than_its_capacity() {
        let limit = limit(10, 20);
        let (laptop, start) = ("laptop".to_owned(), Instant::now());
        limit.debit(&laptop, 1, start);
        limit.debit(&laptop, 20, start + seconds(50));
        assert_eq!(limit.admit(&laptop, start + seconds(50)), Err(1));
    }

    #[test]
    fn nobody_pays_for_another() {
        let limit = limit(1, 1);
        let start = Instant::now();
        limit.debit(&"loud".to_owned(), 500, start);
        assert_eq!(limit.admit(&"loud".to_owned(), start), Err(499));
        assert_eq!(limit.admit(&"quiet".to_owned(), start), Ok(()));
    }

    #[test]
    fn idle_buckets_go_and_debts_stay() {
        let limit = limit(1, 10);
        let start = Instant::now();
        limit.debit(&"paid".to_owned(), 1, start);
        limit.debit(&"owing".to_owned(), 1000, start);
        assert_eq!(limit.admit(&"other".to_owned(), start + seconds(60)), Ok(()));
        assert_eq!(names(&limit), ["other", "owing"]);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_whom_it_heard_last() {
        let limit = limit(1, 1);
        let start = Instant::now();
        let at = |number: usize| start + Duration::from_micros(number as u64);
        limit.debit(&"loud".to_owned(), 5000, start);
        for number in 0..3 * MOST {
            limit.debit(&format!("s{number}"), 5, at(number));
            if number % 1000 == 0 {
                assert!(limit.admit(&"loud".to_owned(), at(number)).is_err(), "forgiven at {number}");
            }
        }
        assert!(names(&limit).len() <= MOST);
        assert!(limit.admit(&format!("s{}", 3 * MOST - 1), at(3 * MOST)).is_err());
        assert_eq!(limit.admit(&"s0".to_owned(), at(3 * MOST)), Ok(()), "a name of long ago is a new one");
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing_away() {
        let limit = limit(100, 1);
        let (laptop, start) = ("laptop".to_owned(), Instant::now() + seconds(10));
        limit.debit(&laptop, 101, start);
        assert_eq!(limit.admit(&laptop, start.checked_sub(seconds(5)).unwrap()), Err(1));
        assert_eq!(limit.admit(&laptop, start), Err(1));
    }
}
