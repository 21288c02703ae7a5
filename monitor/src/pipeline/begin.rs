//! What the reader does once: loads its positions, and on the very first run decides about history.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

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
    let earlier = read_side_file(&side_file).map_err(folder_error)?;
    let from = earlier.unwrap_or_else(|| wanted_from(history, now));
    if earlier.is_none() {
        write_side_file(&side_file, from).map_err(folder_error)?;
    }
    // after a loss everything is read again, for nobody knows what had been sent
    let unwanted = if earlier.is_none() { history } else { History::All };
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
    let from = read_side_file(&first_state.join(SIDE_FILE))
        .map_err(|source| OutboxError::Folder { folder: first_state.to_owned(), source })?;
    begin_at(store, tail, History::All, from.unwrap_or_default(), now)
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

/// Microseconds since 1970; a file that says something else counts as none.
fn read_side_file(file: &Path) -> io::Result<Option<i64>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().parse().ok().filter(|from| *from >= 0)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
            Ok(None)
        }
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
