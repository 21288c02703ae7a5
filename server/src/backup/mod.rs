//! Copies of a store on disk: made beside a running server, whole or not there at all, and read back into an empty store.

mod file;
mod make;
mod restore;

use std::io;
use std::path::PathBuf;

use crate::config::{Database, PostgresUrl};
use crate::store::{CopyError, OpenError};
use crate::transfer::{Digest, ExportError};

pub use make::make;
pub use restore::restore;

/// Where a store keeps its events.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In a file.
    Sqlite(PathBuf),
    /// In a database.
    Postgres(PostgresUrl),
}

impl Origin {
    /// None of a server that keeps nothing.
    pub fn of(database: &Database) -> Option<Self> {
        match database {
            Database::Sqlite(path) => Some(Self::Sqlite(path.clone())),
            Database::Postgres(url) => Some(Self::Postgres(url.clone())),
            Database::Relay => None,
        }
    }

    /// How the names of its copies end.
    pub const fn extension(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "db",
            Self::Postgres(_) => "backup",
        }
    }
}

/// A copy that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// What stands for its events.
    pub digest: Digest,
    /// Size of the file.
    pub bytes: u64,
}

/// A store that was made from a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What stands for its events.
    pub digest: Digest,
    /// Whose tokens are good in it, also of those that were revoked after the copy was made.
    pub tokens: Vec<String>,
    /// Which sources may send to it, in the same way.
    pub sources: Vec<String>,
}

/// Why there is no copy, or no store from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing is written over.
    #[error("{} exists already: name a file that does not", .0.display())]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("{} cannot be written: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The store or its copy did not play along.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The events cannot be digested.
    #[error(transparent)]
    Digest(#[from] ExportError),
    /// The store was made and cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}
