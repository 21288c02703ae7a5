//! The second reading of all transcripts, which a server asks for that lost its events: from their begin, in bounded
//! pieces, when there is nothing else to read. It has a store of its own, so that what the monitor follows is not touched
//! and a reading that was cut off goes on where it was; its events are moved over from there.

use std::io;
use std::path::{Path, PathBuf};

use tracing::{info, warn};
use vibetea_protocol::{Clock, Timestamp};

use super::reader::Turned;
use super::turn::{Counts, Rules};
use super::{ReaderConfig, begin};
use crate::interpret::Interpreter;
use crate::outbox::{Outbox, OutboxError};
use crate::tail::{Limits, Tail};

/// The store of the reading, a folder in the state folder.
const FOLDER: &str = "history-again";
/// Events that are moved over at once.
const MOVED: usize = 2000;

/// A reading under way.
struct Reading {
    /// The question that it answers.
    number: i64,
    store: Outbox,
    tail: Tail,
    rules: Rules,
}

/// See the module.
pub(super) struct Again {
    interpreter: Interpreter,
    reading: Option<Reading>,
}

impl Again {
    pub(super) fn new(interpreter: Interpreter) -> Self {
        Self { interpreter, reading: None }
    }

    /// Reads a piece, if the server asks for it and there is room for what it gives.
    pub(super) fn step(
        &mut self,
        outbox: &Outbox,
        config: &ReaderConfig,
        root: &Path,
        clock: &Clock,
        has_room: bool,
    ) -> Result<Turned, OutboxError> {
        let question = outbox.question();
        let is_idle = self.reading.is_none() && !question.is_open();
        // a folder that is away now is not one without transcripts
        if is_idle || !has_room || !root.is_dir() {
            return Ok(Turned::Nothing);
        }
        let now = clock.now();
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => Reading::open(outbox, config, self.interpreter.clone(), root, question.asked, now)?,
        };
        match reading.piece(outbox, now) {
            Ok(true) => self.reading = Some(reading),
            Ok(false) => {
                outbox.note_done(reading.number)?;
                info!("every transcript was read once more, as the server asked");
                drop(reading);
                discard(&folder(outbox));
            }
            Err(error @ OutboxError::Broken(_)) => {
                // nothing is lost with it: the next look begins anew
                warn!(%error, "the second reading of the transcripts begins anew");
                drop(reading);
                discard(&folder(outbox));
                return Ok(Turned::Nothing);
            }
            Err(error) => {
                self.reading = Some(reading);
                return Err(error);
            }
        }
        Ok(Turned::Kept)
    }
}

impl Reading {
    fn open(
        outbox: &Outbox,
        config: &ReaderConfig,
        interpreter: Interpreter,
        root: &Path,
        number: i64,
        now: Timestamp,
    ) -> Result<Self, OutboxError> {
        let folder = folder(outbox);
        let clock = Clock::fixed(now);
        let mut store = Outbox::open(&folder, &clock)?;
        let earlier = store.question().asked;
        if earlier != number && earlier != 0 {
            // of a question that is not asked any more
            drop(store);
            discard(&folder);
            store = Outbox::open(&folder, &clock)?;
        }
        if earlier == number {
            info!("reading the transcripts once more goes on where it was");
        } else {
            info!("the server asks for history: every transcript is read once more");
            store.note_asked(number)?;
        }
        let mut tail = begin::load(&store, root, Limits::default(), now)?;
        begin::decide_again(&store, outbox.state_dir(), &mut tail, now)?;
        tail.scan(now.as_micros().saturating_mul(1000));
        let rules = Rules::new(interpreter, config.silence, config.everything_to_batch);
        Ok(Self { number, store, tail, rules })
    }

    /// Reads one piece and moves its events over; whether there may be more.
    fn piece(&mut self, outbox: &Outbox, now: Timestamp) -> Result<bool, OutboxError> {
        // what a crash left behind comes first
        if outbox.take_over(&self.store, MOVED)? > 0 {
            return Ok(true);
        }
        let Some(work) = self.tail.next(true) else {
            let ended =
                self.store.turn(now, |turn| self.rules.settle(turn, |path| self.tail.is_quiet(path), now))?;
            return Ok(ended > 0);
        };
        let kept = self.store.turn(now, |turn| {
            let mut counts = Counts::default();
            self.rules.keep(turn, &work, now, &mut counts)
        });
        match kept {
            Ok(_) => {
                self.tail.done(work);
                outbox.take_over(&self.store, MOVED)?;
                Ok(true)
            }
            Err(error) => {
                self.tail.undone(&work);
                Err(error)
            }
        }
    }
}

fn folder(outbox: &Outbox) -> PathBuf {
    outbox.state_dir().join(FOLDER)
}

/// What cannot be removed is taken up by the next reading, which sees that it answers another question.
fn discard(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(error = %error.kind(), "the store of a second reading cannot be removed");
        }
        _ => {}
    }
}
