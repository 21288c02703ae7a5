//! The table of those who were asked for their history. Other processes than the server write to it, in transactions
//! of their own: nothing of it is remembered by the writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::TransactionBehavior;
use vibetea_protocol::{SourceId, Timestamp};

use super::reader::Reader;
use super::{connection, store_error};
use crate::store::asked::{MOST, too_many};
use crate::store::tables::ReadError;
use crate::store::{Asked, StoreError};

/// The server holds the write lock for the length of a group.
const PATIENCE: Duration = Duration::from_secs(10);
const HAS_TABLE: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'asked'";
const NEXT: &str = "SELECT max(?1, coalesce(max(number), 0) + 1) FROM asked";
const ASK: &str = "INSERT INTO asked (source, number) VALUES (?1, ?2)
    ON CONFLICT (source) DO UPDATE SET number = excluded.number";

/// Who was asked.
pub(super) fn read(reader: &Reader) -> Result<Asked, ReadError> {
    let mut select = reader.connection.prepare_cached("SELECT source, number FROM asked LIMIT ?1")?;
    let rows = select.query_map([MOST + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Asked::of_rows(rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()?))
}

/// Asks these sources, or all where none is named; answers the number. A server may run on the file meanwhile.
pub(super) fn ask(path: &Path, sources: &[SourceId], now: Timestamp) -> Result<i64, StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    let mut connection = connection::beside_writer(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    if connection.query_row(HAS_TABLE, [], |row| row.get::<_, i64>(0)).map_err(failed)? == 0 {
        return Err(StoreError::Unavailable(
            "the server that runs on the database is of an older release: start it again with this one first"
                .to_owned(),
        ));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let work = || {
        let number: i64 = transaction.query_row(NEXT, [now.as_micros()], |row| row.get(0))?;
        if sources.is_empty() {
            transaction.execute("DELETE FROM asked", [])?;
            transaction.execute(ASK, ("", number))?;
        }
        for source in sources {
            transaction.execute(ASK, (source.as_str(), number))?;
        }
        let rows: usize = transaction.query_row("SELECT count(*) FROM asked", [], |row| row.get(0))?;
        Ok((number, rows))
    };
    let (number, rows) = work().map_err(failed)?;
    if rows > MOST {
        return Err(too_many());
    }
    transaction.commit().map_err(failed)?;
    Ok(number)
}
