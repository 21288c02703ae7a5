//! The reader's loop: one turn after the other, timers, and waiting.

mod loss;

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use vibetea_protocol::{Clock, Timestamp};

use super::again::Again;
use super::follow::Follower;
use super::health::{Pause, Reports};
use super::turn::{Counts, Rules};
use super::{ReaderConfig, ReaderError, begin};
use crate::interpret::Interpreter;
use crate::outbox::{Destination, Outbox, OutboxError, Question, Turn};
use crate::tail::{Class, Limits, Tail, Work};

/// Bytes of live files in one transaction.
const LIVE_BYTES: u64 = 1 << 20;
/// Bytes of history in one transaction, as far as they are read in [`HISTORY_TIME`]. Fewer would write the same pages of
/// the store more often.
const HISTORY_BYTES: u64 = 64 << 20;
/// After this time no more history is begun in a transaction: a fresh line waits for it.
const HISTORY_TIME: Duration = Duration::from_millis(10);
/// Files in one transaction.
const TURN_FILES: usize = 64;
const SILENCE_PAUSE: Duration = Duration::from_secs(30);
/// Tool calls are forgotten, and a broken watch is tried again, this often.
const UPKEEP_PAUSE: Duration = Duration::from_mins(10);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

pub(super) struct Loop {
    config: ReaderConfig,
    outbox: Outbox,
    rules: Rules,
    clock: Clock,
    stop: CancellationToken,
    pub(super) reports: Reports,
    runtime: Runtime,
    removed: watch::Receiver<u64>,
    pub(super) follower: Follower,
    pub(super) next_silence: Instant,
    next_upkeep: Instant,
    backoff: Duration,
    /// Since when files wait for the history of others to be sent.
    history_waits: Option<Instant>,
    again: Again,
    question: watch::Receiver<Question>,
}

/// What a turn came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Kept,
    Nothing,
    Full,
}

impl Loop {
    pub(super) fn new(
        config: ReaderConfig,
        outbox: Outbox,
        interpreter: Interpreter,
        clock: Clock,
        stop: CancellationToken,
        reports: Reports,
    ) -> Result<Self, ReaderError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(ReaderError::Start)?;
        let now = Instant::now();
        Ok(Self {
            again: Again::new(interpreter.clone()),
            question: outbox.subscribe_question(),
            rules: Rules::new(interpreter, config.silence, config.everything_to_batch),
            removed: outbox.subscribe_removed(),
            config,
            outbox,
            clock,
            stop,
            reports,
            runtime,
            follower: Follower::new(now),
            next_silence: now,
            next_upkeep: now + UPKEEP_PAUSE,
            backoff: Duration::ZERO,
            history_waits: None,
        })
    }

    /// Reads until told to stop; ends with an error only when the store is broken.
    pub(super) fn run(mut self) -> Result<(), ReaderError> {
        let Some(mut tail) = self.until_kept(Self::begin)? else { return Ok(()) };
        while !self.stop.is_cancelled() {
            let waiting_for_room = match self.step(&mut tail) {
                Ok(Turned::Kept) => {
                    self.read_on();
                    self.went_well();
                    continue;
                }
                Ok(Turned::Nothing) => {
                    self.went_well();
                    tail.backlog().files > 0
                }
                Ok(Turned::Full) => {
                    self.paused(Pause::OutboxFull);
                    true
                }
                Err(error) => {
                    self.failed(error)?;
                    self.count_unread(&mut tail);
                    self.rest();
                    continue;
                }
            };
            // the second reading waits for room as the first does
            let for_room = waiting_for_room || self.outbox.question().is_open();
            let counting = waiting_for_room && self.waits_long() && self.count_unread(&mut tail);
            let next = self.follower.next_look().min(self.next_silence).min(self.next_upkeep);
            self.wait(if counting { Instant::now() } else { next }, for_room);
        }
        Ok(())
    }

    /// Looks at what was said and at what is due, then takes one turn.
    pub(super) fn step(&mut self, tail: &mut Tail) -> Result<Turned, OutboxError> {
        let now = self.now_nanos();
        self.follower.follow(tail, &self.config, &mut self.reports, now);
        self.note_lost(tail);
        self.upkeep(tail)?;
        self.turn(tail)
    }

    pub(super) fn begin(&mut self) -> Result<Tail, OutboxError> {
        let now = self.clock.now();
        let root = self.config.claude_dir.join("projects");
        let root = std::fs::canonicalize(&root).unwrap_or(root);
        let mut tail = begin::load(&self.outbox, &root, Limits::default(), now)?;
        begin::decide_history(&self.outbox, &mut tail, self.config.history, now)?;
        Ok(tail)
    }

    /// Repeats what the store failed at; `None` when told to stop meanwhile.
    fn until_kept<T>(
        &mut self,
        work: impl Fn(&mut Self) -> Result<T, OutboxError>,
    ) -> Result<Option<T>, ReaderError> {
        while !self.stop.is_cancelled() {
            match work(self) {
                Ok(done) => {
                    self.went_well();
                    return Ok(Some(done));
                }
                Err(error) => {
                    self.failed(error)?;
                    self.rest();
                }
            }
        }
        Ok(None)
    }

    fn upkeep(&mut self, tail: &Tail) -> Result<(), OutboxError> {
        let now = Instant::now();
        if now >= self.next_silence {
            let time = self.clock.now();
            if !self.outbox.is_full() {
                self.outbox.turn(time, |turn| self.rules.settle(turn, |path| tail.is_quiet(path), time))?;
            }
            self.next_silence = now + SILENCE_PAUSE.min(self.config.silence / 2 + Duration::from_millis(10));
        }
        let rescans = self.follower.take_rescans();
        if rescans > 0 {
            self.outbox.turn(self.clock.now(), |turn| turn.count("rescans", rescans))?;
        }
        if now >= self.next_upkeep {
            self.outbox.forget(self.clock.now(), &[])?;
            self.follower.try_again(&self.config, &self.reports);
            self.next_upkeep = now + UPKEEP_PAUSE;
        }
        Ok(())
    }

    fn turn(&mut self, tail: &mut Tail) -> Result<Turned, OutboxError> {
        if self.outbox.is_full() {
            return Ok(Turned::Full);
        }
        let history = self.outbox.depth(Destination::Batch)? < self.config.history_limit;
        let Some(first) = tail.next(history) else {
            let idle = tail.backlog().files == 0;
            self.reports.progress(|progress| {
                if idle {
                    progress.files = progress.total_files;
                    progress.done = true;
                }
            });
            return self.again.step(&self.outbox, &self.config, tail.root(), &self.clock, history);
        };
        let now = self.clock.now();
        let mut works = vec![first];
        let kept = self.outbox.turn(now, |turn| keep_on(&mut self.rules, turn, tail, &mut works, now));
        match kept {
            Ok(events) => {
                let bytes = works.iter().map(bytes_of).sum::<u64>();
                for work in works {
                    tail.done(work);
                }
                let left = tail.backlog().files;
                self.reports.progress(|progress| {
                    progress.bytes += bytes;
                    progress.events += events;
                    progress.files = progress.total_files.saturating_sub(left).max(progress.files);
                });
                Ok(Turned::Kept)
            }
            Err(error) => {
                for work in &works {
                    tail.undone(work);
                }
                Err(error)
            }
        }
    }

    fn went_well(&mut self) {
        self.backoff = Duration::ZERO;
        if self.reports.health(|health| health.pause = None) {
            info!("reading goes on");
        }
    }

    fn paused(&self, why: Pause) {
        if self.reports.health(|health| health.pause = Some(why)) {
            warn!(reason = ?why, "reading pauses; the transcripts hold what is not read yet");
        }
    }

    /// Decides whether to try again.
    fn failed(&mut self, error: OutboxError) -> Result<(), ReaderError> {
        let why = match &error {
            OutboxError::Full => Pause::DiskFull,
            OutboxError::Unavailable(_) | OutboxError::Folder { .. } => Pause::StoreUnavailable,
            _ => return Err(error.into()),
        };
        self.paused(why);
        self.backoff = (self.backoff * 2).clamp(Duration::from_millis(100), MAX_BACKOFF);
        Ok(())
    }

    /// Waits for a hint, the time, the stop, the server's question or, where asked for, for room in the outbox.
    fn wait(&mut self, until: Instant, room: bool) {
        let (hints, stop, removed) = (&self.follower.hints, &self.stop, &mut self.removed);
        let question = &mut self.question;
        self.runtime.block_on(async {
            tokio::select! {
                () = hints.wait() => {}
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(until.into()) => {}
                _ = removed.changed(), if room => {}
                _ = question.changed() => {}
            }
        });
    }

    /// Waits out the pause after a failure.
    fn rest(&self) {
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(self.backoff) => {}
            }
        });
    }

    fn now_nanos(&self) -> i64 {
        self.clock.now().as_micros().saturating_mul(1000)
    }
}

/// Keeps the one work there is and takes more of its kind: everything live that waits, or some history, which is not
/// begun in a turn with live lines. The number of events.
fn keep_on(
    rules: &mut Rules,
    turn: &mut Turn<'_>,
    tail: &mut Tail,
    works: &mut Vec<Work>,
    now: Timestamp,
) -> Result<u64, OutboxError> {
    let began = Instant::now();
    let mut counts = Counts::default();
    let (mut events, mut bytes) = (0, 0);
    while let Some(work) = works.last_mut() {
        events += rules.keep(turn, work, now, &mut counts)?;
        // one buffer does for all of them, and what was in it last is still near the processor
        tail.take_back(work);
        bytes += bytes_of(work);
        let history = work.class != Class::Live;
        let more = works.len() < TURN_FILES
            && if history {
                bytes < HISTORY_BYTES && began.elapsed() < HISTORY_TIME
            } else {
                bytes < LIVE_BYTES
            };
        let Some(next) = more.then(|| tail.next(history)).flatten() else { break };
        works.push(next);
    }
    Rules::count(turn, counts)?;
    Ok(events)
}

fn bytes_of(work: &Work) -> u64 {
    work.after.offset.saturating_sub(work.from)
}
