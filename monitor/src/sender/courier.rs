//! The task of one destination: wait for its turn, send, take the answer to the outbox, wait after faults.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use vibetea_protocol::Clock;

use super::answer::{Answer, Verdict};
use super::backoff::Backoff;
use super::missing::Missing;
use super::queue::Queue;
use super::record::Recorder;
use super::report::Reporter;
use super::round::Round;
use super::rules::Rules;
use super::trigger::{Due, Trigger};
use super::wire::Wire;
use super::{MAX_BODY, Timing};
use crate::outbox::{DeliveryReport, DeliveryState, Destination, OutboxError};

/// So many events set aside with none accepted between them look like a wrong address or a broken server: from then
/// on they are set aside slowly.
const REFUSED_IN_A_ROW: u32 = 10;

/// Ships to one destination.
pub(super) struct Courier<Q, W> {
    destination: Destination,
    queue: Q,
    wire: W,
    recorder: Recorder,
    rules: Rules,
    timing: Timing,
    trigger: Trigger,
    reporter: Reporter,
    round: Round,
    /// Events of full batches that are still to go at once.
    owed: u64,
    /// Lowered by a server that finds requests too large, and slowly raised again.
    most_bytes: usize,
    /// Faults in a row.
    failures: u32,
    /// Events set aside since one was accepted.
    refused: u32,
    missing: Missing,
    /// The question for history that was kept last.
    heard: Option<i64>,
}

/// Why and how long nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    length: Duration,
    /// Whether one more attempt makes sense when the monitor is stopped meanwhile.
    may_be_cut_short: bool,
}

impl<Q: Queue, W: Wire> Courier<Q, W> {
    pub(super) fn new(
        destination: Destination,
        (queue, wire): (Q, W),
        recorder: Recorder,
        rules: Rules,
        timing: Timing,
        clock: Clock,
    ) -> Self {
        Self {
            trigger: Trigger::new(rules.pace, queue.subscribe(destination)),
            reporter: Reporter::new(destination, clock, timing.note_every),
            round: Round::default(),
            owed: 0,
            most_bytes: MAX_BODY,
            failures: 0,
            refused: 0,
            missing: Missing::default(),
            heard: None,
            destination,
            queue,
            wire,
            recorder,
            rules,
            timing,
        }
    }

    /// Ships until `stop` and then, for a few seconds at most, what still waits. Whatever is under way when they are
    /// over stays in the outbox.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), OutboxError> {
        let flush = self.timing.last_flush;
        let over = {
            let stop = stop.clone();
            async move {
                stop.cancelled().await;
                sleep(flush).await;
            }
        };
        tokio::select! {
            done = self.work(&stop) => done,
            () = over => Ok(()),
        }
    }

    async fn work(&mut self, stop: &CancellationToken) -> Result<(), OutboxError> {
        let mut last_try = true;
        while !stop.is_cancelled() {
            let Some(due) = self.next_turn(stop).await? else { break };
            while let Some(pause) = self.send(due).await? {
                tokio::select! {
                    () = sleep(pause.length) => {}
                    () = stop.cancelled() => {
                        last_try = pause.may_be_cut_short;
                        break;
                    }
                }
            }
        }
        if last_try {
            self.send(Due::All).await?;
        }
        let report = self.reporter.take_due();
        self.note(report).await
    }

    /// `None` when the monitor is stopped first.
    async fn next_turn(&mut self, stop: &CancellationToken) -> Result<Option<Due>, OutboxError> {
        loop {
            let (queue, to, full) = (&self.queue, self.destination, self.rules.full);
            let is_full = || full_batch_waits(queue, to, full);
            let note_due = self.reporter.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                due = self.trigger.due(is_full) => return Ok(Some(due)),
                () = sleep_until(note_due.unwrap_or_else(Instant::now)), if note_due.is_some() => {
                    let report = self.reporter.take_due();
                    self.note(report).await?;
                }
            }
        }
    }

    /// Sends until nothing that is due waits, or until a pause is needed.
    async fn send(&mut self, due: Due) -> Result<Option<Pause>, OutboxError> {
        loop {
            if self.round.is_done() {
                let mut limit = self.rules.most_events;
                if due == Due::FullBatches {
                    if self.owed == 0 {
                        self.owed = self.queue.depth(self.destination)? / self.rules.full * self.rules.full;
                    }
                    limit = limit.min(usize::try_from(self.owed).unwrap_or(usize::MAX));
                    if limit == 0 {
                        return Ok(None);
                    }
                }
                let (to, bytes) = (self.destination, self.most_bytes);
                match self.stored(move |queue| queue.pending(to, limit, bytes)).await {
                    Ok(rows) if rows.is_empty() => {
                        self.owed = 0;
                        return Ok(None);
                    }
                    Ok(rows) => self.round = Round::new(rows),
                    Err(error) => return self.store_failed(error).map(Some),
                }
            }
            match self.step().await {
                Ok(None) => {}
                Ok(Some(pause)) => {
                    if !self.round.is_searching() {
                        // what waits may be fewer or more by then, and need not fill the memory meanwhile
                        self.round = Round::default();
                    }
                    return Ok(Some(pause));
                }
                Err(error) => return self.store_failed(error).map(Some),
            }
        }
    }

    /// One request, and what follows from its answer.
    async fn step(&mut self) -> Result<Option<Pause>, OutboxError> {
        if let Some(seq) = self.round.known_poison() {
            return self.set_aside(seq, "refused").await;
        }
        let request = self.wire.request(self.round.window(), self.most_bytes);
        let (size, count) = (request.body.len(), request.events);
        let entry = self.recorder.begin(&self.wire, &request).await;
        let Answer { verdict, reason, asks } = self.wire.post(request).await;
        self.recorder.end(entry, &reason).await;
        self.hear(asks).await?;
        if !matches!(verdict, Verdict::NoSuchRoute { .. }) {
            self.missing.refuted();
        }
        match verdict {
            Verdict::Accepted => {
                self.accepted(count).await?;
                Ok(None)
            }
            Verdict::Refused => match self.round.refused(count) {
                Some(seq) => self.set_aside(seq, &reason.to_string()).await,
                None => Ok(None),
            },
            Verdict::TooLarge if count == 1 => {
                self.most_bytes = MAX_BODY;
                let seq = self.round.set_aside();
                self.set_aside(seq, &reason.to_string()).await
            }
            Verdict::TooLarge => {
                self.most_bytes = size / 2;
                Ok(None)
            }
            Verdict::NoSuchRoute { sure } if self.rules.may_be_missing => self.no_route(sure).await,
            Verdict::NotForUs | Verdict::NoSuchRoute { .. } => {
                let report = self.reporter.hindered(DeliveryState::Refused, reason.to_string());
                self.note(report).await?;
                Ok(Some(Pause { length: self.timing.refused, may_be_cut_short: false }))
            }
            Verdict::Later { after } => {
                let report = self.reporter.hindered(DeliveryState::Retrying, reason.to_string());
                self.note(report).await?;
                Ok(Some(self.fault(after)))
            }
        }
    }

    /// Keeps the server's question for history, unless this is not the server that history goes to.
    async fn hear(&mut self, asks: Option<i64>) -> Result<(), OutboxError> {
        let is_for_us = self.destination == Destination::Batch || self.rules.clears_batch;
        let Some(number) = asks.filter(|_| is_for_us && self.heard != asks) else { return Ok(()) };
        match self.stored(move |queue| queue.note_asked(number)).await {
            Ok(()) => self.heard = asks,
            Err(error @ OutboxError::Broken(_)) => return Err(error),
            // the next answer tells it again
            Err(error) => debug!(%error, "the server's question for history was not kept"),
        }
        Ok(())
    }

    async fn accepted(&mut self, count: usize) -> Result<(), OutboxError> {
        self.failures = 0;
        self.refused = 0;
        self.most_bytes = (self.most_bytes + self.most_bytes / 16).min(MAX_BODY);
        self.owed = self.owed.saturating_sub(count as u64);
        let seqs = self.round.accepted(count);
        let (to, also_batch) = (self.destination, self.rules.clears_batch);
        self.stored(move |queue| queue.acknowledge(to, &seqs, also_batch)).await?;
        let report = self.reporter.delivered();
        self.note(report).await
    }

    /// Sets an event aside, at first at once, and slowly once too many went that way in a row.
    async fn set_aside(&mut self, seq: i64, reason: &str) -> Result<Option<Pause>, OutboxError> {
        self.owed = self.owed.saturating_sub(1);
        let to = self.destination;
        let kept = reason.to_owned();
        self.stored(move |queue| queue.quarantine(to, seq, &kept)).await?;
        warn!(
            destination = to.as_str(),
            reason, "the server refuses an event for what it is; it is set aside"
        );
        self.refused = self.refused.saturating_add(1);
        if self.refused < REFUSED_IN_A_ROW {
            return Ok(None);
        }
        let report = self.reporter.hindered(DeliveryState::Refused, reason.to_owned());
        self.note(report).await?;
        Ok(Some(Pause { length: self.timing.refused, may_be_cut_short: false }))
    }

    /// A server of its own address that has no batch route keeps no history. Until that is proven, history waits.
    async fn no_route(&mut self, sure: bool) -> Result<Option<Pause>, OutboxError> {
        if !self.missing.answered(sure, self.timing.missing_for) {
            let report = self.reporter.hindered(DeliveryState::Retrying, "404".to_owned());
            self.note(report).await?;
            let length = self.missing.pause(self.timing.missing_route);
            return Ok(Some(Pause { length, may_be_cut_short: false }));
        }
        self.round = Round::default();
        self.owed = 0;
        let to = self.destination;
        self.stored(move |queue| queue.drop_all(to, "no_history")).await?;
        let report = self.reporter.hindered(DeliveryState::NoHistory, "404".to_owned());
        self.note(report).await?;
        Ok(None)
    }

    fn fault(&mut self, after: Option<Duration>) -> Pause {
        self.failures = self.failures.saturating_add(1);
        let backoff = Backoff { base: self.timing.backoff_base, cap: self.timing.backoff_cap };
        // without random bytes the waits are the longest they may be
        let wait = backoff.wait(self.failures, getrandom::u64().unwrap_or(u64::MAX));
        let length = after.unwrap_or(wait);
        match self.rules.attempts {
            Some((limit, interval)) if self.failures.is_multiple_of(limit) => {
                Pause { length: length.max(interval), may_be_cut_short: after.is_none() }
            }
            _ => Pause { length, may_be_cut_short: after.is_none() },
        }
    }

    /// A full disk passes; what was delivered and not noted is sent again and known by its ids. A damaged store does
    /// not pass.
    fn store_failed(&mut self, error: OutboxError) -> Result<Pause, OutboxError> {
        if matches!(error, OutboxError::Broken(_)) {
            return Err(error);
        }
        error!(destination = self.destination.as_str(), %error, "the outbox cannot be used for now");
        self.round = Round::default();
        Ok(self.fault(None))
    }

    /// Keeps a report for `status`, which is no promise: only a damaged store is an error.
    async fn note(&self, report: Option<DeliveryReport>) -> Result<(), OutboxError> {
        let (Some(report), to) = (report, self.destination) else { return Ok(()) };
        match self.stored(move |queue| queue.record_delivery(to, &report)).await {
            Err(error @ OutboxError::Broken(_)) => Err(error),
            Err(error) => {
                debug!(destination = to.as_str(), %error, "the state of delivery was not kept");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Runs a call that blocks on the disk. Once begun it is carried out, even if this task goes away.
    async fn stored<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Q) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let queue = self.queue.clone();
        match tokio::task::spawn_blocking(move || call(&queue)).await {
            Ok(answer) => answer,
            Err(_) => Err(OutboxError::Broken("a call into it did not return".to_owned())),
        }
    }
}

/// The depth is a number in memory; a store that cannot say it has nothing to send.
fn full_batch_waits<Q: Queue>(queue: &Q, to: Destination, full: u64) -> bool {
    queue.depth(to).is_ok_and(|depth| depth >= full)
}
