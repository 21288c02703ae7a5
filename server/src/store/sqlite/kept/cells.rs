//! Writes cells: a statement for each distinct key.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection};

use crate::store::kept::{Cell, CellTables, Key};

const QUARTERLY: (&str, &str) = ("quarterly", "quarter");
const DAILY: (&str, &str) = ("daily", "day");
const PERIODIC: (&str, &str) = ("periodic", "period");

pub(super) fn write_cells(connection: &Connection, tables: &CellTables) -> rusqlite::Result<()> {
    write_all(connection, QUARTERLY, &tables.quarterly)?;
    write_all(connection, DAILY, &tables.daily)?;
    write_all(connection, PERIODIC, &tables.periodic)
}

fn write_all(
    connection: &Connection,
    table: (&str, &str),
    cells: &BTreeMap<Key, Cell>,
) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(&upsert(table))?;
    cells.iter().try_for_each(|(key, cell)| write(&mut upsert, *key, cell))
}

fn write(upsert: &mut CachedStatement<'_>, key: Key, cell: &Cell) -> rusqlite::Result<()> {
    let durations = Some(cell.durations.encode()).filter(|bytes| !bytes.is_empty());
    let [started, completed, failed] = cell.steps;
    upsert.execute((
        key.slot,
        key.source,
        key.project,
        key.event_type,
        key.tool,
        cell.events,
        started,
        completed,
        failed,
        durations,
    ))?;
    Ok(())
}

fn upsert((table, slot): (&str, &str)) -> String {
    format!(
        "INSERT INTO {table} ({slot}, source, project, type, tool, events, started, completed, failed, durations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT ({slot}, source, project, type, tool) DO UPDATE SET
         events = events + excluded.events, started = started + excluded.started,
         completed = completed + excluded.completed, failed = failed + excluded.failed,
         durations = CASE WHEN excluded.durations IS NULL THEN durations
             ELSE merge_durations(durations, excluded.durations) END"
    )
}
