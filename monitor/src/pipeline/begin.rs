//! What the reader does once: loads its positions, and on the very first run decides about history.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tracing::warn;
use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::MICROS_PER_DAY;

use super::History;
use crate::interpret::FileState;
use crate::outbox::{FileRow, Outbox, OutboxError};
use crate::tail::{Limits, Position, Tail};
use crate::transcript;

/// Counter that says that history has been decided on.
const DECIDED: &str = "first_runs";
/// File beside the store with the time before which nobody asked for events: a lost store must not ask again.
const SIDE_FILE: &str = "history-from";
/// Positions of files that are gone are forgotten after this; the agent itself deletes transcripts after 30 days.
const FORGET_NANOS: i64 = 30 * MICROS_PER_DAY * 1000;

/// The tail with what is known; positions of long-gone files are forgotten. `root` may not be there.
pub(super) fn load(
    outbox: &Outbox,
    root: &Path,
    limits: Limits,
    now: Timestamp,
) -> Result<Tail, OutboxError> {
    let mut files = outbox.files()?;
    if root.is_dir() {
        let limit = now.as_micros().saturating_mul(1000).saturating_sub(FORGET_NANOS);
        let gone = |path: &str, row: &FileRow| {
            let modified = row.position.stat.modified;
            modified > 0 && modified < limit && !root.join(path).exists()
        };
        let (forgotten, kept): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(path, row)| row.settled && gone(path, row));
        files = kept;
        let forgotten: Vec<String> = forgotten.into_iter().map(|(path, _)| path).collect();
        outbox.forget(now, &forgotten)?;
    }
    let known = files.into_iter().map(|(path, row)| (path, row.position));
    Ok(Tail::new(root.to_owned(), |path| transcript::classify(path).is_some(), limits, known))
}

/// On the first run, and after a store was lost, decides what of the files that are there is read.
pub(super) fn decide_history(
    outbox: &Outbox,
    tail: &mut Tail,
    history: History,
    now: Timestamp,
) -> Result<(), OutboxError> {
    if outbox.turn(now, |turn| turn.counter(DECIDED))? > 0 {
        return Ok(());
    }
    let folder_error = |source| OutboxError::Folder { folder: outbox.state_dir().to_owned(), source };
    let side_file = outbox.state_dir().join(SIDE_FILE);
    // after a loss everything is read again, for nobody knows what had been sent
    let (from, unwanted) = match read_side_file(&side_file).map_err(folder_error)? {
        Wanted::From(earlier) => (earlier, History::All),
        Wanted::NeverAsked => {
            let from = wanted_from(history, now);
            write_side_file(&side_file, from).map_err(folder_error)?;
            (from, history)
        }
        Wanted::Unreadable => {
            warn!(
                "the note of where the wanted history begins cannot be read; every transcript is read from its begin"
            );
            write_side_file(&side_file, 0).map_err(folder_error)?;
            (0, History::All)
        }
    };
    begin_at(outbox, tail, unwanted, from, now)
}

/// The same for a second reading, from the begin of every file: nobody asks now for what was not wanted at first.
pub(super) fn decide_again(
    store: &Outbox,
    first_state: &Path,
    tail: &mut Tail,
    now: Timestamp,
) -> Result<(), OutboxError> {
    if store.turn(now, |turn| turn.counter(DECIDED))? > 0 {
        return Ok(());
    }
    let wanted = read_side_file(&first_state.join(SIDE_FILE))
        .map_err(|source| OutboxError::Folder { folder: first_state.to_owned(), source })?;
    let from = match wanted {
        Wanted::From(from) => from,
        Wanted::NeverAsked | Wanted::Unreadable => 0,
    };
    begin_at(store, tail, History::All, from, now)
}

/// The time before which nobody asks for events, in microseconds since 1970.
pub(super) fn wanted_from(history: History, now: Timestamp) -> i64 {
    match history {
        History::All => 0,
        History::Off => now.as_micros(),
        History::Days(days) => now.as_micros() - i64::from(days) * MICROS_PER_DAY,
    }
}

/// Keeps where each file that is there begins: at its end where `history` leaves it out as a whole. Events before
/// `from` are skipped in all of them.
pub(super) fn begin_at(
    outbox: &Outbox,
    tail: &mut Tail,
    history: History,
    from: i64,
    now: Timestamp,
) -> Result<(), OutboxError> {
    let mut rows = Vec::new();
    if from > 0 {
        for (path, stat) in tail.list() {
            let unwanted = match history {
                History::All => false,
                History::Off => true,
                History::Days(_) => stat.modified <= from.saturating_mul(1000),
            };
            let position = if unwanted {
                // a file that cannot be read now is looked at again by every scan
                tail.end_of(&path).ok().flatten().unwrap_or_default()
            } else {
                Position::default()
            };
            rows.push((path, FileRow { position, skip_before: from, settled: false }));
        }
    }
    outbox.turn(now, |turn| {
        for (path, row) in &rows {
            turn.save_file(path, row, &FileState::default())?;
        }
        turn.count(DECIDED, 1)
    })?;
    for (path, row) in rows {
        tail.set_position(&path, row.position);
    }
    Ok(())
}

/// What the file beside the store says.
enum Wanted {
    /// Events from then on, in microseconds since 1970.
    From(i64),
    /// There is no such file: this is the first run.
    NeverAsked,
    /// Something that no run has written: there was a first run, and what came since has to be read.
    Unreadable,
}

fn read_side_file(file: &Path) -> io::Result<Wanted> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let from = text.trim().parse().ok().filter(|from| *from >= 0);
            Ok(from.map_or(Wanted::Unreadable, Wanted::From))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Wanted::NeverAsked),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Wanted::Unreadable),
        Err(error) => Err(error),
    }
}

fn write_side_file(file: &Path, from: i64) -> io::Result<()> {
    let fresh = file.with_extension("new");
    let mut written = File::create(&fresh)?;
    writeln!(written, "{from}")?;
    written.sync_all()?;
    std::fs::rename(&fresh, file)
}
