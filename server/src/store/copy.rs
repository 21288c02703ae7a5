//! Copies of a store at one moment, made while events come, and stores made from copies.

use std::io;

use tokio_util::sync::CancellationToken;

use super::tables::ReadError;
use super::{EventsAnswer, EventsQuestion, OpenError, StoreError};

/// Why a store was not copied, or not made from a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One copy at a time is enough.
    #[error("another copy of this store is being made")]
    Busy,
    /// What should be copied, or was, does not hold together.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// The store or the file.
        what: String,
        /// How that shows.
        detail: String,
    },
    /// The file is none of ours, or of another kind of store.
    #[error("{file} {what}")]
    NotACopy {
        /// The file.
        file: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The store that is to be made holds something already.
    #[error("{store} is not empty: {holds}; a copy is restored into an empty store only")]
    NotEmpty {
        /// The store.
        store: String,
        /// What is in it.
        holds: String,
    },
    /// A server runs on the store that is to be made.
    #[error("{store} is in use by a server: stop it first")]
    InUse {
        /// The store.
        store: String,
    },
    /// The work was ended from outside.
    #[error("it was stopped before it was done")]
    Stopped,
    /// The copy cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// The store that is to be made cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReadError> for CopyError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

/// Answers questions by what was copied.
pub type AskCopy<'a> = &'a mut dyn FnMut(&EventsQuestion) -> Result<EventsAnswer, StoreError>;

/// Ends what asks a copy once the work is to end.
pub(super) fn go_on(stop: &CancellationToken) -> Result<(), StoreError> {
    if stop.is_cancelled() {
        return Err(StoreError::Unavailable("it is not asked any more".to_owned()));
    }
    Ok(())
}
