//! One turn: lines to events, kept with the position after them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use vibetea_protocol::Timestamp;

use super::earlier::Earlier;
use super::memory::ReadingMemory;
use crate::interpret::{FileContext, FileState, Interpreter, LineOutcome};
use crate::outbox::{FileRow, Needs, OutboxError, Turn};
use crate::privacy::RedactedEvent;
use crate::tail::Work;
use crate::transcript;

/// An event older than this when it is read is history.
const LIVE_MICROS: i64 = 600 * 1_000_000;
/// How long after a file became still its records may seem to lie in the future.
const SKEW_NANOS: i64 = 600 * 1_000_000_000;
/// Unknown types of records that are counted one by one.
const MAX_UNKNOWN_TYPES: usize = 64;

/// What does not change from turn to turn.
pub(super) struct Rules {
    pub(super) interpreter: Interpreter,
    pub(super) silence: Duration,
    pub(super) everything_to_batch: bool,
    unknown_types: HashSet<u64>,
    earlier: Earlier,
}

/// What happened in a turn, by counter name.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, name: &str, by: u64) {
        if by > 0 {
            *self.0.entry(name.to_owned()).or_default() += by;
        }
    }
}

impl Rules {
    pub(super) fn new(interpreter: Interpreter, silence: Duration, everything_to_batch: bool) -> Self {
        Self {
            interpreter,
            silence,
            everything_to_batch,
            unknown_types: HashSet::new(),
            earlier: Earlier::default(),
        }
    }

    /// How many unknown types of records were met, as far as they are counted one by one.
    pub(super) fn unknown_types(&self) -> usize {
        self.unknown_types.len()
    }

    /// Keeps what the lines gave and where they end; the number of events that were queued. What there is to count goes
    /// to `counts`, which is for [`Rules::count`] at the end of the turn.
    pub(super) fn keep(
        &mut self,
        turn: &mut Turn<'_>,
        work: &Work,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<u64, OutboxError> {
        let Some(kind) = transcript::classify(&work.path) else { return Ok(0) };
        let context = FileContext { relative_path: &work.path, kind };
        let known = turn.file::<FileState>(work.moved_from.as_deref().unwrap_or(&work.path))?;
        let (before, mut state) = known.unwrap_or_default();
        if work.replaced {
            state = FileState::default();
            self.earlier.forget();
        }
        let mut events = Vec::new();
        for (start, line) in work.chunk.lines() {
            let mut memory =
                ReadingMemory { turn, earlier: &mut self.earlier, file: &work.location, until: start };
            let outcome =
                self.interpreter.line(&context, &mut state, start, line, &mut memory, &mut events)?;
            self.count_outcome(outcome, counts);
        }
        counts.add("lines", work.chunk.len() as u64);
        counts.add("lines_too_long", work.chunk.too_long);
        counts.add("nul_runs", work.chunk.nul_runs);
        counts.add("files_replaced", u64::from(work.replaced));
        let mut row = FileRow { position: work.after.clone(), settled: false, ..before };
        if work.at_end() {
            row.settled = self.silence(turn, &context, &row, &mut state, now, &mut events)?;
        }
        let queued = self.queue(turn, &events, row.skip_before, now, counts)?;
        turn.save_file(&work.path, &row, &state)?;
        counts.add("events", queued);
        Ok(queued)
    }

    /// Keeps what was counted in a turn.
    pub(super) fn count(turn: &mut Turn<'_>, counts: Counts) -> Result<(), OutboxError> {
        counts.0.into_iter().try_for_each(|(name, by)| turn.count(&name, by))
    }

    /// Looks at the silence after a file's last record; whether that need not be done again.
    fn silence(
        &mut self,
        turn: &mut Turn<'_>,
        context: &FileContext<'_>,
        row: &FileRow,
        state: &mut FileState,
        now: Timestamp,
        events: &mut Vec<RedactedEvent>,
    ) -> Result<bool, OutboxError> {
        let still = now.as_micros().saturating_mul(1000).saturating_sub(row.position.stat.modified);
        let silence = i64::try_from(self.silence.as_nanos()).unwrap_or(i64::MAX);
        if still < silence {
            return Ok(false);
        }
        let before = events.len();
        let file = std::path::Path::new("");
        let mut memory = ReadingMemory { turn, earlier: &mut self.earlier, file, until: 0 };
        self.interpreter.silence(context, state, now, &mut memory, events)?;
        Ok(events.len() > before || still >= silence.saturating_add(SKEW_NANOS))
    }

    /// Ends the sessions of files that have been still long enough; the number of events that were queued.
    pub(super) fn settle(
        &mut self,
        turn: &mut Turn<'_>,
        is_quiet: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<u64, OutboxError> {
        let silence = i64::try_from(self.silence.as_nanos()).unwrap_or(i64::MAX);
        let limit = now.as_micros().saturating_mul(1000).saturating_sub(silence);
        let mut queued = 0;
        let mut counts = Counts::default();
        for path in turn.unsettled_files(limit)? {
            let Some(kind) = transcript::classify(&path).filter(|_| is_quiet(&path)) else { continue };
            let Some((mut row, mut state)) = turn.file::<FileState>(&path)? else { continue };
            let context = FileContext { relative_path: &path, kind };
            let mut events = Vec::new();
            row.settled = self.silence(turn, &context, &row, &mut state, now, &mut events)?;
            queued += self.queue(turn, &events, row.skip_before, now, &mut counts)?;
            if row.settled {
                turn.save_file(&path, &row, &state)?;
            }
        }
        turn.count("events", queued)?;
        Ok(queued)
    }

    fn queue(
        &self,
        turn: &mut Turn<'_>,
        events: &[RedactedEvent],
        skip_before: i64,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<u64, OutboxError> {
        let mut queued = 0;
        for event in events {
            if event.timestamp().as_micros() < skip_before {
                counts.add("events_before_first_run", 1);
                continue;
            }
            queued += u64::from(turn.add(event, self.needs(event.timestamp(), now))?);
        }
        Ok(queued)
    }

    fn needs(&self, happened: Timestamp, now: Timestamp) -> Needs {
        match (now.since(happened) <= LIVE_MICROS, self.everything_to_batch) {
            (true, true) => Needs::Both,
            (true, false) => Needs::Live,
            (false, _) => Needs::Batch,
        }
    }

    fn count_outcome(&mut self, outcome: LineOutcome, counts: &mut Counts) {
        match outcome {
            LineOutcome::Understood => {}
            LineOutcome::Unreadable => counts.add("lines_unreadable", 1),
            LineOutcome::UnknownType(tag) => {
                counts.add("lines_unknown_type", 1);
                if self.unknown_types.len() < MAX_UNKNOWN_TYPES || self.unknown_types.contains(&tag) {
                    self.unknown_types.insert(tag);
                    counts.add(&format!("lines_unknown_type_{tag:016x}"), 1);
                }
            }
        }
    }
}
