//! Writes the kept counts into SQLite.

mod backfill;
mod cells;
mod durations;
mod names;
mod sessions;

use rusqlite::Connection;

use crate::store::kept::{Kept, Names, Seen};

pub(super) use backfill::count_uncounted;
pub(super) use durations::register;

/// Counts an event that was stored just now.
pub(super) fn add(
    connection: &Connection,
    names: &mut Names,
    kept: &mut Kept,
    seen: &Seen<'_>,
) -> rusqlite::Result<()> {
    kept.add(|source, kind, text| names::number(connection, names, source, kind, text), seen)
}

/// Adds everything to the tables.
pub(super) fn write(connection: &Connection, kept: Kept) -> rusqlite::Result<()> {
    let (cells, sessions) = kept.into_tables();
    cells::write_cells(connection, &cells)?;
    sessions::write_sessions(connection, sessions)
}
