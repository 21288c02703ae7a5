//! Opening the store: the folder, the lock, the version, and setting a damaged file aside.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;
use tracing::warn;
use vibetea_protocol::{Clock, Timestamp};

use super::version::{Shape, bring_up_to_date, shape};
use super::{DEFAULT_CAP, Outbox, OutboxError, Shared, history, quarantine, queue, remembered, turn};

const FILE_NAME: &str = "outbox.db";
const LOCK_NAME: &str = "outbox.lock";
const SET_ASIDE_KEPT: usize = 3;
/// Longer than somebody who only asks whether a monitor runs holds the lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Holds the state folder for this process; the system lets go of it when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Outbox {
    /// Opens the store in `state_dir`, which is made if need be, for this process alone.
    pub fn open(state_dir: &Path, clock: &Clock) -> Result<Self, OutboxError> {
        Self::open_with_cap(state_dir, clock, DEFAULT_CAP)
    }

    /// As [`Outbox::open`], with reading paused once `cap` bytes of events wait.
    pub fn open_with_cap(state_dir: &Path, clock: &Clock, cap: u64) -> Result<Self, OutboxError> {
        let folder_error = |source| OutboxError::Folder { folder: state_dir.to_owned(), source };
        make_private_folder(state_dir).map_err(folder_error)?;
        let lock = lock(state_dir)?;
        let file = state_dir.join(FILE_NAME);
        let connection = match open_checked(&file) {
            Ok(connection) => connection,
            Err(OutboxError::Broken(what)) => {
                let aside = set_aside(&file, clock.now()).map_err(folder_error)?;
                warn!(
                    set_aside = %aside.display(),
                    "the monitor's store is damaged ({what}); it was set aside and every transcript is read again"
                );
                open_checked(&file)?
            }
            Err(error) => return Err(error),
        };
        Self::on(connection, cap, state_dir.to_owned(), Some(lock))
    }

    /// A store for one reading that nothing is sent from: in a file without a name, which is gone with the process.
    pub fn scratch() -> Result<Self, OutboxError> {
        let mut connection = Connection::open("")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.set_prepared_statement_cache_capacity(64);
        bring_up_to_date(&mut connection)?;
        Self::on(connection, DEFAULT_CAP, PathBuf::new(), None)
    }

    fn on(
        connection: Connection,
        cap: u64,
        state_dir: PathBuf,
        lock: Option<Lock>,
    ) -> Result<Self, OutboxError> {
        let (depths, bytes) = queue::count(&connection)?;
        let version = data_version(&connection)?;
        let question = history::read(&connection)?;
        Ok(Self {
            shared: Arc::new(Shared {
                connection: Mutex::new(connection),
                version: AtomicI64::new(version),
                depths: depths.map(AtomicU64::new),
                bytes: AtomicU64::new(bytes),
                cap,
                added: [watch::Sender::new(0), watch::Sender::new(0)],
                removed: watch::Sender::new(0),
                question: watch::Sender::new(question),
                state_dir,
                _lock: lock,
            }),
        })
    }
}

/// Changes whenever another connection than this one has written.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// Path of the store in a state folder.
pub(super) fn store_file(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE_NAME)
}

/// A folder that exists keeps its mode: it may be the operator's and hold other things.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock(folder: &Path) -> Result<Lock, OutboxError> {
    let error = |source| OutboxError::Folder { folder: folder.to_owned(), source };
    let file = private_file().create(true).truncate(false).open(folder.join(LOCK_NAME)).map_err(error)?;
    let patience_ends = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::Error(source)) => return Err(error(source)),
            Err(TryLockError::WouldBlock) if Instant::now() < patience_ends => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(OutboxError::Locked { folder: folder.to_owned() }),
        }
    }
}

/// Whether some process holds the folder. Holds it too for an instant, which [`LOCK_PATIENCE`] outlasts.
pub(super) fn is_locked(folder: &Path) -> bool {
    File::open(folder.join(LOCK_NAME))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open_checked(file: &Path) -> Result<Connection, OutboxError> {
    create_private(file).map_err(|source| OutboxError::Folder { folder: file.to_owned(), source })?;
    check_header(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    // a store that is refused stays as it is, its log as well
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let shape = shape(&connection, file)?;
    if shape != Shape::Empty {
        check_content(&connection, shape)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    configure(&connection)?;
    bring_up_to_date(&mut connection)?;
    Ok(connection)
}

/// `SQLite` would make it readable for everybody.
pub(crate) fn create_private(file: &Path) -> io::Result<()> {
    match private_file().create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A damaged format number would make `SQLite` call the file read-only, which a damaged file must not look like.
fn check_header(file: &Path) -> Result<(), OutboxError> {
    let mut header = [0; 100];
    let error = |source| OutboxError::Folder { folder: file.to_owned(), source };
    let mut opened = File::open(file).map_err(error)?;
    if opened.metadata().map_err(error)?.len() == 0 {
        return Ok(());
    }
    let sane = opened.read_exact(&mut header).is_ok()
        && header.starts_with(b"SQLite format 3\0")
        && header[18..20].iter().all(|version| matches!(version, 1 | 2));
    if sane { Ok(()) } else { Err(OutboxError::Broken("its header is not a store's".to_owned())) }
}

/// Whether every row of some table is what was put there.
type SealsHold = fn(&Connection) -> rusqlite::Result<bool>;

fn check_content(connection: &Connection, shape: Shape) -> Result<(), OutboxError> {
    let answer: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if answer != "ok" {
        return Err(OutboxError::Broken("its pages do not fit together".to_owned()));
    }
    let mut checks: Vec<SealsHold> = vec![queue::seals_hold, turn::seals_hold, remembered::seals_hold];
    if !matches!(shape, Shape::Older(1)) {
        checks.extend([quarantine::seals_hold as SealsHold, remembered::project_seals_hold]);
    }
    if !matches!(shape, Shape::Older(1 | 2)) {
        checks.push(history::seals_hold);
    }
    for check in checks {
        if !check(connection).map_err(damaged_value)? {
            return Err(OutboxError::Broken("it holds changed values".to_owned()));
        }
    }
    Ok(())
}

/// A value that cannot be read back is damage too.
fn damaged_value(error: rusqlite::Error) -> OutboxError {
    match error.sqlite_error_code() {
        Some(_) => error.into(),
        None => OutboxError::Broken("it holds unreadable values".to_owned()),
    }
}

pub(super) fn configure(connection: &Connection) -> Result<(), OutboxError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS: an ordinary fsync does not reach the disk there
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(())
}

/// Moves the damaged store and what belongs to it out of the way; only the newest few are kept.
fn set_aside(file: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp: String = now.to_string().chars().filter(|c| !matches!(c, ':' | '.')).collect();
    let aside = with_suffix(file, &format!(".corrupt-{stamp}"));
    for belonging in ["-wal", "-shm", ""] {
        let from = with_suffix(file, belonging);
        if from.exists() {
            std::fs::rename(&from, with_suffix(&aside, belonging))?;
        }
    }
    forget_older(file);
    Ok(aside)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn forget_older(file: &Path) {
    let prefix = format!("{FILE_NAME}.corrupt-");
    let Some(entries) = file.parent().and_then(|folder| std::fs::read_dir(folder).ok()) else { return };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .collect();
    // the time is in the name; -wal and -shm sort behind their file
    names.sort();
    let mut stores: Vec<&String> =
        names.iter().filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    stores.truncate(stores.len().saturating_sub(SET_ASIDE_KEPT));
    for store in stores {
        for belonging in ["", "-wal", "-shm"] {
            // a file that cannot be removed costs space only
            let _ = std::fs::remove_file(file.with_file_name(format!("{store}{belonging}")));
        }
    }
}
