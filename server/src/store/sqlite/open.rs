//! From a path to a locked, checked and migrated file.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::ids::Ids;
use super::lock::{FileLock, LockError, private_file};
use super::mount::FileSystem;
use super::{SqliteOptions, connection, kept};
use crate::files::{beside, make_folder};
use crate::store::OpenError;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Set by the first migration.
pub(super) const APPLICATION_ID: i64 = 1_448_371_553;
/// Up to here every page is checked at the start; a larger file would delay it noticeably.
const CHECKED_BYTES: u64 = 8 * 1024 * 1024;

/// A file that is ours alone and has the newest schema.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) lock: FileLock,
    pub(super) ids: Ids,
}

pub(super) async fn open(options: &SqliteOptions) -> Result<Opened, OpenError> {
    let wanted = options.clone();
    let (path, lock, connection) = tokio::task::spawn_blocking(move || prepare(&wanted))
        .await
        .map_err(|error| failed(&options.path, &error))??;
    migrate(&path).await?;
    let (settle_at, at) = (options.settle_at, path.clone());
    tokio::task::spawn_blocking(move || {
        let (connection, ids) = settle(connection, settle_at).map_err(|error| open_error(&path, &error))?;
        Ok(Opened { path, connection, lock, ids })
    })
    .await
    .map_err(|error| failed(&at, &error))?
}

/// The real path of a file whose schema is this release's; none where it is missing or older. Changes nothing, whoever
/// uses the file.
pub(in crate::store) async fn has_current_schema(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    let path = path.to_owned();
    let at = path.clone();
    tokio::task::spawn_blocking(move || current_schema(&path)).await.map_err(|error| failed(&at, &error))?
}

fn current_schema(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    if fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return Ok(None);
    }
    let path = real_path(path).map_err(|error| not_writable(path, &error))?;
    let unreadable = |error: rusqlite::Error| open_error(&path, &error);
    let connection = connection::beside_writer(&path).map_err(unreadable)?;
    if !is_ours(&connection).map_err(unreadable)? {
        return Err(foreign(&path));
    }
    let recorded = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";
    if !connection.prepare(recorded).and_then(|mut select| select.exists([])).map_err(unreadable)? {
        return Ok(None);
    }
    let applied = applied(&connection).map_err(unreadable)?;
    let known: BTreeSet<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    match applied.difference(&known).next() {
        Some(version) => Err(OpenError::NewerSchema { database: name(&path), version: *version }),
        None => Ok(Some(path).filter(|_| applied == known)),
    }
}

fn applied(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    let mut select = connection.prepare("SELECT version FROM _sqlx_migrations WHERE success")?;
    let versions = select.query_map([], |row| row.get(0))?;
    versions.collect()
}

/// Counts what an earlier release left uncounted, and reads back the ids that are not in their table yet.
fn settle(mut connection: Connection, settle_at: usize) -> rusqlite::Result<(Connection, Ids)> {
    kept::count_uncounted(&mut connection)?;
    let ids = Ids::load(&connection, settle_at)?;
    Ok((connection, ids))
}

/// Locks before the file is made or looked at, so that of several starts only one touches it.
fn prepare(options: &SqliteOptions) -> Result<(PathBuf, FileLock, Connection), OpenError> {
    let path = real_path(&options.path).map_err(|error| not_writable(&options.path, &error))?;
    let lock = FileLock::take(&path, options.lock_wait).map_err(|error| match error {
        LockError::Held => OpenError::Locked { database: name(&path) },
        LockError::Io(error) => not_writable(&path, &error),
    })?;
    if !path.exists() {
        private_file().open(&path).map_err(|error| not_writable(&path, &error))?;
    }
    if let Some(warning) = FileSystem::of(&path).warning() {
        tracing::warn!(database = %path.display(), "{warning}");
    }
    let connection = check(&path, options)?;
    make_private(&path).map_err(|error| not_writable(&path, &error))?;
    Ok((path, lock, connection))
}

/// Nothing is changed in a file that is not ours or is damaged.
fn check(path: &Path, options: &SqliteOptions) -> Result<Connection, OpenError> {
    let failed = |error| open_error(path, &error);
    let connection = connection::unchanged(path, options.busy_timeout).map_err(failed)?;
    if !is_ours(&connection).map_err(failed)? {
        return Err(foreign(path));
    }
    if let Some(detail) = damage(&connection, path).map_err(failed)? {
        return Err(OpenError::Corrupt { database: name(path), detail });
    }
    connection::set_up_writer(&connection).map_err(failed)?;
    Ok(connection)
}

/// The newest migration that this release knows.
pub(super) fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The path without links, so that two names of one file share a lock. Makes missing folders.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    if path.exists() {
        return path.canonicalize();
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    make_folder(folder)?;
    Ok(folder.canonicalize()?.join(name))
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        match fs::metadata(&file) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the file is empty or was made by our migrations.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    // a start that died early leaves the table of migrations alone
    let others = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> '_sqlx_migrations'";
    Ok(id == APPLICATION_ID || connection.query_row(others, [], |row| row.get::<_, i64>(0))? == 0)
}

/// What is broken in a small file.
fn damage(connection: &Connection, path: &Path) -> rusqlite::Result<Option<String>> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > CHECKED_BYTES) {
        return Ok(None);
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then_some(verdict))
}

async fn migrate(path: &Path) -> Result<(), OpenError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .map_err(|error| failed(path, &error))?;
    let outcome = MIGRATIONS.run_direct(None, &mut connection, false).await;
    // the lock is ours, so nothing waits for this connection; its own failure adds nothing to the outcome's
    let _ = connection.close().await;
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(version) => OpenError::NewerSchema { database: name(path), version },
        MigrateError::VersionMismatch(version) => {
            OpenError::EditedMigration { database: name(path), version }
        }
        other => failed(path, &other),
    })
}

fn foreign(path: &Path) -> OpenError {
    OpenError::Foreign {
        database: name(path),
        detail: "it has tables that no VibeTea server made".to_owned(),
    }
}

pub(super) fn not_writable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::NotWritable { database: name(path), detail: error.to_string() }
}

fn failed(path: &Path, error: &dyn std::error::Error) -> OpenError {
    OpenError::Failed { database: name(path), detail: error.to_string() }
}

fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (database, detail) = (name(path), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { database },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { database, detail },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            OpenError::NotWritable { database, detail }
        }
        _ => OpenError::Failed { database, detail },
    }
}

/// The file, as messages name it.
fn name(path: &Path) -> String {
    path.display().to_string()
}
