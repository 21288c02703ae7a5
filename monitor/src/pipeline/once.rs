//! One reading of what is there, for those who want to see the events and not to send them. What becomes of a line
//! is decided by the same rules as in a run; what has to be remembered meanwhile lies in a store of its own.

use std::path::PathBuf;

use vibetea_protocol::{Clock, Timestamp};

use super::turn::{Counts, Rules};
use super::{History, ReaderConfig, begin};
use crate::interpret::Interpreter;
use crate::outbox::{Destination, Outbox, OutboxError, Queued};
use crate::tail::{Limits, Tail};
use crate::transcript;

/// Events that are taken out of the store at once.
const TAKEN: usize = 1000;

/// What is read.
#[derive(Debug, Clone)]
pub enum Once {
    /// Every transcript that a run would follow.
    Everything,
    /// One transcript: the folder of the projects, real or taken for one, and the path of the file below it.
    File {
        /// The folder.
        root: PathBuf,
        /// The path with '/' between its components.
        path: String,
    },
}

/// What was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Transcripts.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Lines that hold anything.
    pub lines: u64,
    /// Lines of them that are no records.
    pub unreadable_lines: u64,
    /// Lines that are too long to be looked at.
    pub too_long_lines: u64,
    /// Lines that are records of an unknown type.
    pub unknown_lines: u64,
    /// How many unknown types these are.
    pub unknown_types: u64,
    /// Events that are older than the history that is wanted.
    pub skipped_events: u64,
    /// Files and folders that could not be read.
    pub unreadable_places: u64,
}

/// Reads once and gives each event to `give`, in the order in which a run would queue them.
pub fn read_once<E: From<OutboxError>>(
    what: &Once,
    config: &ReaderConfig,
    interpreter: Interpreter,
    clock: &Clock,
    mut give: impl FnMut(Destination, &Queued) -> Result<(), E>,
) -> Result<Tally, E> {
    let outbox = Outbox::scratch()?;
    let now = clock.now();
    let root = match what {
        Once::Everything => config.claude_dir.join("projects"),
        Once::File { root, .. } => root.clone(),
    };
    let mut tail = Tail::new(root, |path| transcript::classify(path).is_some(), Limits::default(), []);
    match what {
        Once::Everything => {
            let from = begin::wanted_from(config.history, now);
            begin::begin_at(&outbox, &mut tail, config.history, from, now)?;
            tail.scan(now.as_micros().saturating_mul(1000));
        }
        // who names a file wants all of it
        Once::File { root, path } => {
            begin::begin_at(&outbox, &mut tail, History::All, 0, now)?;
            tail.look(&root.join(path), now.as_micros().saturating_mul(1000));
        }
    }
    let mut rules = Rules::new(interpreter, config.silence, config.everything_to_batch);
    let mut tally = Tally { files: tail.backlog().files, ..Tally::default() };
    while let Some(work) = tail.next(true) {
        tally.bytes += work.after.offset.saturating_sub(work.from);
        outbox.turn(now, |turn| {
            let mut counts = Counts::default();
            rules.keep(turn, &work, now, &mut counts)?;
            Rules::count(turn, counts)
        })?;
        tail.done(work);
        hand_over(&outbox, &mut give)?;
    }
    settle(&outbox, &mut rules, &tail, now)?;
    hand_over(&outbox, &mut give)?;
    outbox.turn(now, |turn| {
        tally.lines = turn.counter("lines")?;
        tally.unreadable_lines = turn.counter("lines_unreadable")?;
        tally.too_long_lines = turn.counter("lines_too_long")?;
        tally.unknown_lines = turn.counter("lines_unknown_type")?;
        tally.skipped_events = turn.counter("events_before_first_run")?;
        Ok::<(), OutboxError>(())
    })?;
    tally.unknown_types = rules.unknown_types() as u64;
    tally.unreadable_places = tail.unreadable() as u64;
    Ok(tally)
}

/// Ends the sessions of all files that have been still long enough.
fn settle(outbox: &Outbox, rules: &mut Rules, tail: &Tail, now: Timestamp) -> Result<(), OutboxError> {
    while outbox.turn(now, |turn| rules.settle(turn, |path| tail.is_quiet(path), now))? > 0 {}
    Ok(())
}

/// Empties the store, oldest event first.
fn hand_over<E: From<OutboxError>>(
    outbox: &Outbox,
    give: &mut impl FnMut(Destination, &Queued) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let mut events = Vec::new();
        for destination in Destination::ALL {
            let waiting = outbox.pending(destination, TAKEN, usize::MAX)?;
            events.extend(waiting.into_iter().map(|event| (destination, event)));
        }
        if events.is_empty() {
            return Ok(());
        }
        events.sort_by_key(|(_, event)| event.seq);
        // an event for both is shown as the first of them gets it
        events.dedup_by_key(|(_, event)| event.seq);
        for (destination, event) in &events {
            give(*destination, event)?;
        }
        for destination in Destination::ALL {
            let seqs: Vec<i64> = events.iter().map(|(_, event)| event.seq).collect();
            outbox.acknowledge(destination, &seqs, false)?;
        }
    }
}
