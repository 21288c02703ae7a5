//! A copy of the file at one moment, made by a connection of its own that only reads: whoever writes is not kept waiting,
//! in this process or another.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use tokio_util::sync::CancellationToken;

use super::lock::{FileLock, LockError};
use super::reader::Reader;
use super::{SqliteStore, connection, open};
use crate::files::beside;
use crate::store::copy::go_on;
use crate::store::{AskCopy, CopyError, OpenError, StoreError, ask};

/// The table of a copy that holds what stands for its events.
const SEAL: &str = "copied";
/// Steps of the database's machine between two looks at whether to go on: some milliseconds.
const LOOK_EVERY: i32 = 100_000;

impl SqliteStore {
    /// Copies the database at `from` into the empty file `to`, checks the copy and lets `look` ask it. A server may run
    /// on the database, also in another process. Blocks.
    pub fn copy<T>(
        from: &Path,
        to: &Path,
        stop: &CancellationToken,
        look: impl FnOnce(AskCopy<'_>) -> T,
    ) -> Result<T, CopyError> {
        let from = from.canonicalize().map_err(|error| file_error(from, error))?;
        let _alone = FileLock::for_copy(&from).map_err(|error| match error {
            LockError::Held => CopyError::Busy,
            LockError::Io(error) => file_error(&from, error),
        })?;
        write(&from, to, stop)?;
        check(to, stop)?;
        let reader = Reader::open(to)?;
        Ok(look(&mut |question| {
            go_on(stop)?;
            Ok(ask::events(reader.tables(), question)?)
        }))
    }

    /// Writes into a copy what stands for its events, since the database notices no byte that changes within a value.
    /// Blocks.
    pub fn seal_copy(copy: &Path, digest: &str) -> Result<(), CopyError> {
        let seal = || {
            let connection = unnamed(copy)?;
            connection.execute_batch("CREATE TABLE copied (digest TEXT NOT NULL) STRICT")?;
            connection.execute("INSERT INTO copied (digest) VALUES (?1)", [digest])?;
            connection.close().map_err(|(_, error)| error)
        };
        seal().map_err(|error| failed(copy, copy, &error))
    }

    /// Makes the database at `path`, where there is none or an empty one, from a copy, of which `digest` tells what stands
    /// for its events; it is as the copy is, which may have an older schema, until it is opened. Blocks.
    pub fn restore(
        copy: &Path,
        path: &Path,
        digest: impl FnOnce(AskCopy<'_>) -> Result<String, CopyError>,
    ) -> Result<(), CopyError> {
        check_kind(copy)?;
        check(copy, &CancellationToken::new())?;
        check_seal(copy, digest)?;
        let not_ready = |error| CopyError::Open(open::not_writable(path, &error));
        let path = open::real_path(path).map_err(not_ready)?;
        let _lock = FileLock::take(&path, Duration::ZERO).map_err(|error| match error {
            LockError::Held => CopyError::InUse { store: path.display().to_string() },
            LockError::Io(error) => not_ready(error),
        })?;
        if path.exists() {
            check_empty(&path)?;
        }
        put_in_place(copy, &path).map_err(|error| file_error(&path, error))
    }
}

fn write(from: &Path, to: &Path, stop: &CancellationToken) -> Result<(), CopyError> {
    let source = connection::reader(from).map_err(|error| failed(from, to, &error))?;
    watch(&source, stop).map_err(|error| failed(from, to, &error))?;
    if !open::is_ours(&source).map_err(|error| failed(from, to, &error))? {
        let what = "holds another program's tables".to_owned();
        return Err(CopyError::NotACopy { file: from.display().to_string(), what });
    }
    // one reading transaction: it sees one moment, and a log that cannot be moved meanwhile is all that it costs the writer
    let done = source.execute("VACUUM INTO ?1", [to.display().to_string()]);
    done.map(|_| ()).map_err(|error| failed(from, to, &error))
}

fn watch(connection: &Connection, stop: &CancellationToken) -> rusqlite::Result<()> {
    let stop = stop.clone();
    connection.progress_handler(LOOK_EVERY, Some(move || stop.is_cancelled()))
}

fn check(copy: &Path, stop: &CancellationToken) -> Result<(), CopyError> {
    let failed = |error| failed(copy, copy, &error);
    let connection = connection::reader(copy).map_err(failed)?;
    watch(&connection, stop).map_err(failed)?;
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(CopyError::Damaged { what: copy.display().to_string(), detail: verdict })
}

/// To change a file that has not got its name yet: nothing is left beside it, whatever ends.
fn unnamed(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// A copy that is a plain file of a stopped server has no seal, and nothing to compare with.
fn check_seal(
    copy: &Path,
    digest: impl FnOnce(AskCopy<'_>) -> Result<String, CopyError>,
) -> Result<(), CopyError> {
    let read = |error| failed(copy, copy, &error);
    let connection = connection::reader(copy).map_err(read)?;
    if !connection.table_exists(None, SEAL).map_err(read)? {
        return Ok(());
    }
    let sealed: Option<String> =
        connection.query_row("SELECT digest FROM copied", [], |row| row.get(0)).optional().map_err(read)?;
    let reader = Reader::open(copy)?;
    let held = digest(&mut |question| Ok(ask::events(reader.tables(), question)?))?;
    if sealed.as_deref() == Some(&*held) {
        return Ok(());
    }
    let detail = "its events are not those that were copied".to_owned();
    Err(CopyError::Damaged { what: copy.display().to_string(), detail })
}

fn failed(from: &Path, to: &Path, error: &rusqlite::Error) -> CopyError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => CopyError::Stopped,
        // reading needs no room
        Some(ErrorCode::DiskFull) => file_error(to, io::ErrorKind::StorageFull.into()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CopyError::Damaged { what: from.display().to_string(), detail }
        }
        _ => match super::store_error(error) {
            StoreError::Internal(_) => StoreError::Internal(detail).into(),
            other @ StoreError::Unavailable(_) => other.into(),
        },
    }
}

/// A file that our migrations made, none of them unknown.
fn check_kind(copy: &Path) -> Result<(), CopyError> {
    let file = copy.display().to_string();
    if is_of_postgres(copy).map_err(|error| file_error(copy, error))? {
        let what = "is a copy of a PostgreSQL store: restore it into one; from there into SQLite: vibetea-server export | vibetea-server import --database-url sqlite:PATH -";
        return Err(CopyError::NotACopy { file, what: what.to_owned() });
    }
    let read = |error: rusqlite::Error| failed(copy, copy, &error);
    let connection = connection::reader(copy).map_err(read)?;
    let made: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(read)?;
    if made != open::APPLICATION_ID {
        return Err(CopyError::NotACopy { file, what: "holds no VibeTea store".to_owned() });
    }
    let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    let version: i64 = connection.query_row(newest, [], |row| row.get(0)).map_err(read)?;
    if version > open::newest_schema() {
        return Err(CopyError::Open(OpenError::NewerSchema { database: file, version }));
    }
    Ok(())
}

fn is_of_postgres(copy: &Path) -> io::Result<bool> {
    let mut begin = [0; 17];
    let read = io::Read::read(&mut fs::File::open(copy)?, &mut begin)?;
    Ok(begin[..read] == *b"{\"vibetea_backup\"")
}

/// Tables that hold something in a store that never held an event.
const MARKS: &str = "'_sqlx_migrations', 'indexed', 'forgotten', 'access_version'";

fn check_empty(path: &Path) -> Result<(), CopyError> {
    let store = path.display().to_string();
    let read = |error: rusqlite::Error| failed(path, path, &error);
    let connection = connection::reader(path).map_err(read)?;
    if !open::is_ours(&connection).map_err(read)? {
        return Err(CopyError::NotEmpty { store, holds: "it has another program's tables".to_owned() });
    }
    let mut select = connection
        .prepare(&format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ({MARKS})"
        ))
        .map_err(read)?;
    let tables = select.query_map([], |row| row.get::<_, String>(0)).map_err(read)?;
    for table in tables {
        let table = table.map_err(read)?;
        let count =
            format!("SELECT count(*) FROM (SELECT 1 FROM \"{}\" LIMIT 1)", table.replace('"', "\"\""));
        if connection.query_row(&count, [], |row| row.get::<_, i64>(0)).map_err(read)? > 0 {
            return Err(CopyError::NotEmpty { store, holds: format!("its table {table} has rows") });
        }
    }
    Ok(())
}

/// A reader finds nothing or everything under the database's name, whatever dies in between.
fn put_in_place(copy: &Path, path: &Path) -> io::Result<()> {
    let part = beside(path, ".restoring");
    let placed = (|| {
        let mut file = super::lock::private_file().open(&part)?;
        file.set_len(0)?;
        io::copy(&mut fs::File::open(copy)?, &mut file)?;
        file.sync_all()?;
        let unsealed = unnamed(&part).and_then(|part| part.execute_batch("DROP TABLE IF EXISTS copied"));
        unsealed.map_err(io::Error::other)?;
        for log in ["-wal", "-shm"] {
            // of the empty store; left behind it would be taken for the new one's
            match fs::remove_file(beside(path, log)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&part, path)?;
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    })();
    if placed.is_err() {
        // a second try begins anew anyway
        let _ = fs::remove_file(&part);
    }
    placed
}

fn file_error(path: &Path, error: io::Error) -> CopyError {
    CopyError::File { path: path.display().to_string(), error }
}
