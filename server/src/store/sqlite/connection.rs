//! Connections and their settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::kept;
use crate::store::StoreError;

/// Larger than the default: fewer pages are copied into the write-ahead log per batch.
pub(super) const PAGE_SIZE: i64 = 16_384;
const WRITER_CACHE_KIB: i64 = 8192;
const READER_CACHE_KIB: i64 = 1024;
/// How long such a change waits for the writer of events.
const BESIDE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements a connection keeps prepared: all that the store has.
const KEPT_STATEMENTS: usize = 64;
/// The log is recycled, not cut, up to this size: growing a file costs more than overwriting one.
const WAL_KEPT_BYTES: i64 = 64 * 1024 * 1024;

/// The one connection that writes.
pub(super) fn writer(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = unchanged(path, busy_timeout)?;
    set_up_writer(&connection)?;
    Ok(connection)
}

/// A connection that could write but has changed nothing yet.
pub(super) fn unchanged(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

/// After this a commit is on the disk when it returns.
pub(super) fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS acknowledges a plain fsync before the data is on the disk
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    kept::register(connection)
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    Ok(connection)
}

/// A connection that writes beside the one that writes events, or in a process of its own: who may send and who may watch,
/// who is asked for its history.
pub(super) fn beside_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = unchanged(path, BESIDE_BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    // the log is the writer's to move
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    Ok(connection)
}

/// What a failure of SQLite means to the caller.
pub(in crate::store) fn store_error(error: &rusqlite::Error) -> StoreError {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::SystemIoFailure) => "the disk cannot be read or written",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            "another program holds the database"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => "the database cannot be opened",
        Some(ErrorCode::ReadOnly) => "the database is read-only",
        Some(ErrorCode::OutOfMemory) => "out of memory",
        _ => return StoreError::Internal(error.to_string()),
    };
    StoreError::Unavailable(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(connection: &Connection, name: &str) -> i64 {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn writer_syncs_every_commit_and_moves_the_log_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::write(&path, "").unwrap();
        let writer = writer(&path, Duration::ZERO).unwrap();
        assert_eq!(pragma(&writer, "synchronous"), 2);
        assert_eq!(pragma(&writer, "fullfsync"), 1);
        assert_eq!(pragma(&writer, "wal_autocheckpoint"), 0);
        assert_eq!(pragma(&writer, "page_size"), PAGE_SIZE);
        // a connection without these settings is told apart
        let plain = unchanged(&path, Duration::ZERO).unwrap();
        plain.pragma_update(None, "synchronous", "NORMAL").unwrap();
        assert_ne!(pragma(&plain, "synchronous"), 2);
        assert_ne!(pragma(&plain, "wal_autocheckpoint"), 0);
    }

    #[test]
    fn reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::write(&path, "").unwrap();
        let writer = writer(&path, Duration::ZERO).unwrap();
        writer.execute_batch("CREATE TABLE x (y)").unwrap();
        let error = reader(&path).unwrap().execute_batch("INSERT INTO x VALUES (1)").unwrap_err();
        assert!(matches!(store_error(&error), StoreError::Unavailable(_)), "{error}");
    }
}
