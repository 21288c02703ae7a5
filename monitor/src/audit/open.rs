//! Opening the record: for the one that writes it, and beside it for those who read.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::warn;
use vibetea_protocol::Timestamp;

use super::AuditError;
use crate::outbox::create_private;

const FILE_NAME: &str = "sent.db";
const SCHEMA: i64 = 1;

/// Opens the record for writing; one that is damaged is set aside, for it is no reason to send nothing.
pub(super) fn open(folder: &Path, now: Timestamp) -> Result<Connection, AuditError> {
    let file = folder.join(FILE_NAME);
    match open_file(&file) {
        Err(AuditError::Store(error)) if is_damage(&error) => {
            let aside = set_aside(&file)?;
            warn!(set_aside = %aside.display(), at = %now, "the record of what was sent is damaged; a new one is begun");
            open_file(&file)
        }
        opened => opened,
    }
}

fn open_file(file: &Path) -> Result<Connection, AuditError> {
    create_private(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // waits for the disk when the log is folded into the file only, not with each request
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match version(&transaction)? {
        0 => {
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
            transaction.commit()?;
        }
        SCHEMA => drop(transaction),
        _ => return Err(AuditError::Newer(file.to_owned())),
    }
    Ok(connection)
}

/// Opens the record for reading, whether a monitor writes to it or not.
pub(super) fn open_to_read(folder: &Path) -> Result<Connection, AuditError> {
    let file = folder.join(FILE_NAME);
    if !file.is_file() {
        return Err(AuditError::Missing(folder.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    match version(&connection)? {
        0 => Err(AuditError::Missing(folder.to_owned())),
        SCHEMA => Ok(connection),
        _ => Err(AuditError::Newer(file)),
    }
}

fn version(connection: &Connection) -> Result<i64, AuditError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    // a damaged format number makes a file look like one that may not be written
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly)
    )
}

/// Only the newest is kept.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let aside = file.with_extension("db.corrupt");
    for belonging in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(belonging);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(file, &aside)?;
    Ok(aside)
}
