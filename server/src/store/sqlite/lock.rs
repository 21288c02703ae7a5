//! One server per file. SQLite's own locks are per transaction, and sqlx takes none for migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::files::{self, beside};

const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as it lives; the system lets go of it when the process dies. The side file stays.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

/// Why there is no lock.
pub(super) enum LockError {
    Held,
    Io(io::Error),
}

impl FileLock {
    /// Takes the lock that stands beside `database`, waiting up to `wait` for a process on its way out.
    pub(super) fn take(database: &Path, wait: Duration) -> Result<Self, LockError> {
        Self::take_file(&beside(database, ".lock"), wait)
    }

    /// Takes the lock of those who copy `database`, which a server does not need.
    pub(super) fn for_copy(database: &Path) -> Result<Self, LockError> {
        Self::take_file(&beside(database, ".copy-lock"), Duration::ZERO)
    }

    fn take_file(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let deadline = Instant::now() + wait;
        let file = private_file().open(path).map_err(LockError::Io)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Err(LockError::Held),
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            }
        }
    }
}

/// Makes a missing file for its owner alone.
pub(super) fn private_file() -> OpenOptions {
    let mut options = files::private();
    options.read(true).create(true).truncate(false);
    options
}
