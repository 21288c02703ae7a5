//! Forgets what is old enough, hourly and soon after the start, in small steps between the batches that come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{Clock, Timestamp};

use super::UpkeepMetrics;
use crate::config::Retention;
use crate::store::{Forget, Forgotten, SourceFilter, Store, StoreError};

const EVERY: Duration = Duration::from_hours(1);
/// Rows of a step: a batch that comes meanwhile waits some milliseconds.
const STEP: u32 = 500;
/// Between two steps: of the store's time others have most.
const SHORTEST_REST: Duration = Duration::from_millis(5);

/// The moment so many days before the earlier of now and the newest event: a clock that is wrong deletes nothing by
/// itself, and neither does an event that comes from the future.
fn cut(now: Timestamp, newest: Option<Timestamp>, days: u32) -> Option<Timestamp> {
    let newest = newest?.min(now);
    Timestamp::from_micros(newest.as_micros() - i64::from(days) * MICROS_PER_DAY)
}

impl Retention {
    /// The first round comes after `pause`.
    pub(super) async fn run(
        self,
        mut pause: Duration,
        store: Store,
        clock: Clock,
        metrics: Arc<UpkeepMetrics>,
        stop: CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = EVERY;
            match self.round(&store, clock.now(), &metrics, &stop).await {
                Ok(Forgotten { events: 0, sessions: 0, counts: 0, .. }) => {}
                Ok(Forgotten { events, sessions, counts, .. }) => {
                    tracing::info!(events, sessions, counts, "what is old enough was deleted");
                }
                Err(error) => {
                    metrics.retention_failures.inc();
                    tracing::error!(%error, "what is old enough cannot be deleted now; the next round goes on");
                }
            }
        }
    }

    /// Forgets everything that is old enough now, or as much as there is time for until `stop`.
    pub async fn round(
        &self,
        store: &Store,
        now: Timestamp,
        metrics: &UpkeepMetrics,
        stop: &CancellationToken,
    ) -> Result<Forgotten, StoreError> {
        let newest = store.totals(SourceFilter::All).await?.newest;
        let mut done = Forgotten::default();
        let Some(events_before) = cut(now, newest, self.events) else { return Ok(done) };
        let counts_before = self.counts.and_then(|days| cut(now, newest, days));
        let forget = Forget { events_before, counts_before, most: STEP };
        while !stop.is_cancelled() {
            let began = Instant::now();
            let gone = store.forget(forget).await?;
            metrics.forgotten.inc_by(gone.events);
            done.events += gone.events;
            done.sessions += gone.sessions;
            done.counts += gone.counts;
            if !gone.has_more {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(began.elapsed().max(SHORTEST_REST)) => {}
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn neither_a_wrong_clock_nor_an_event_of_the_future_moves_the_cut_by_itself() {
        let (now, future) = (at("2026-02-03T00:00:00Z"), at("2030-01-01T00:00:00Z"));
        let expected = Some(at("2026-01-03T00:00:00Z"));
        assert_eq!(cut(now, Some(now), 31), expected);
        assert_eq!(cut(future, Some(now), 31), expected);
        assert_eq!(cut(now, Some(future), 31), expected);
        assert_eq!(cut(future, None, 31), None);
        assert_eq!(cut(at("1970-01-02T00:00:00Z"), Some(now), 31), None);
    }
}
