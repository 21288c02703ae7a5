//! How fast a source may send: a token bucket each, in a bounded table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vibetea_protocol::SourceId;

/// A full bucket that nobody asked for this long is dropped.
const IDLE: Duration = Duration::from_mins(1);
/// Most buckets at a time; beyond that the one asked longest ago goes.
const MOST: usize = 4096;

/// Token buckets by source.
#[derive(Debug)]
pub struct RateLimit {
    per_second: f64,
    capacity: f64,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    buckets: HashMap<Arc<SourceId>, Bucket>,
    swept: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// May be negative: a large batch is let in and paid off afterwards.
    tokens: f64,
    filled: Instant,
    asked: Instant,
}

impl RateLimit {
    /// Buckets that gain `per_second` tokens and hold `capacity` at most.
    pub fn new(per_second: u32, capacity: u32) -> Self {
        let table = Table { buckets: HashMap::new(), swept: None };
        Self { per_second: per_second.into(), capacity: capacity.into(), table: Mutex::new(table) }
    }

    /// Whether the source may send now, that is, its bucket is positive; otherwise the whole seconds until it
    /// is, at least 1.
    pub fn admit(&self, source: &Arc<SourceId>, now: Instant) -> Result<(), u64> {
        let tokens = self.with_bucket(source, now, |bucket| bucket.tokens);
        if tokens > 0.0 { Ok(()) } else { Err(whole_seconds(-tokens / self.per_second)) }
    }

    /// Takes a token for each of `events`.
    pub fn debit(&self, source: &Arc<SourceId>, events: usize, now: Instant) {
        let events = u32::try_from(events).map_or(f64::from(u32::MAX), f64::from);
        self.with_bucket(source, now, |bucket| bucket.tokens -= events);
    }

    fn with_bucket<T>(&self, source: &Arc<SourceId>, now: Instant, then: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_idle(&mut table, now);
        if table.buckets.len() >= MOST && !table.buckets.contains_key(source) {
            make_room(&mut table);
        }
        let fresh = Bucket { tokens: self.capacity, filled: now, asked: now };
        let bucket = table.buckets.entry(Arc::clone(source)).or_insert(fresh);
        self.fill(bucket, now);
        bucket.asked = now;
        then(bucket)
    }

    fn fill(&self, bucket: &mut Bucket, now: Instant) {
        let seconds = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + seconds * self.per_second).min(self.capacity);
        bucket.filled = bucket.filled.max(now);
    }

    /// Once in a while drops the buckets nobody asks for. One that is not full again stays: forgetting it
    /// would forgive a debt.
    fn drop_idle(&self, table: &mut Table, now: Instant) {
        if table.swept.is_some_and(|swept| now.saturating_duration_since(swept) < IDLE) {
            return;
        }
        table.swept = Some(now);
        table.buckets.retain(|_, bucket| {
            self.fill(bucket, now);
            bucket.tokens < self.capacity || now.saturating_duration_since(bucket.asked) < IDLE
        });
    }
}

/// Drops the bucket that was asked longest ago.
fn make_room(table: &mut Table) {
    let oldest = table.buckets.iter().min_by_key(|(_, bucket)| bucket.asked);
    if let Some(oldest) = oldest.map(|(source, _)| Arc::clone(source)) {
        table.buckets.remove(&oldest);
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

    fn source(name: &str) -> Arc<SourceId> {
        Arc::new(name.parse().unwrap())
    }

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_batch_beyond_the_capacity_is_let_in_and_paid_off() {
        let limit = RateLimit::new(100, 100);
        let (laptop, start) = (source("laptop"), Instant::now());
        assert_eq!(limit.admit(&laptop, start), Ok(()));
        limit.debit(&laptop, 1000, start);
        assert_eq!(limit.admit(&laptop, start), Err(9));
        assert_eq!(limit.admit(&laptop, start + Duration::from_millis(8500)), Err(1));
        assert_eq!(limit.admit(&laptop, start + seconds(9)), Err(1));
        assert_eq!(limit.admit(&laptop, start + Duration::from_millis(9010)), Ok(()));
    }

    #[test]
    fn a_bucket_holds_no_more_than_its_capacity() {
        let limit = RateLimit::new(10, 20);
        let (laptop, start) = (source("laptop"), Instant::now());
        limit.debit(&laptop, 1, start);
        limit.debit(&laptop, 20, start + seconds(50));
        assert_eq!(limit.admit(&laptop, start + seconds(50)), Err(1));
    }

    #[test]
    fn sources_do_not_pay_for_each_other() {
        let limit = RateLimit::new(1, 1);
        let start = Instant::now();
        limit.debit(&source("loud"), 500, start);
        assert_eq!(limit.admit(&source("loud"), start), Err(499));
        assert_eq!(limit.admit(&source("quiet"), start), Ok(()));
    }

    #[test]
    fn idle_buckets_go_and_debts_stay() {
        let limit = RateLimit::new(1, 10);
        let start = Instant::now();
        limit.debit(&source("paid"), 1, start);
        limit.debit(&source("owing"), 1000, start);
        assert_eq!(limit.admit(&source("other"), start + seconds(60)), Ok(()));
        let table = limit.table.lock().unwrap();
        let mut left: Vec<_> = table.buckets.keys().map(|source| source.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["other", "owing"]);
    }

    #[test]
    fn the_table_is_bounded_whatever_the_sources_are_called() {
        let limit = RateLimit::new(1, 1);
        let start = Instant::now();
        for number in 0..3 * MOST {
            limit.debit(&source(&format!("s{number}")), 5, start + Duration::from_micros(number as u64));
        }
        assert_eq!(limit.table.lock().unwrap().buckets.len(), MOST);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing_away() {
        let limit = RateLimit::new(100, 1);
        let (laptop, start) = (source("laptop"), Instant::now() + seconds(10));
        limit.debit(&laptop, 101, start);
        assert_eq!(limit.admit(&laptop, start.checked_sub(seconds(5)).unwrap()), Err(1));
        assert_eq!(limit.admit(&laptop, start), Err(1));
    }
}
