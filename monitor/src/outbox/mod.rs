//! The monitor's only store: read positions, what the interpreter remembers, and events that wait for a
//! destination. A read position and the events before it move in one transaction ([`Turn`]), so a crash repeats
//! lines at worst, and a repeated line has the same ids.
//!
//! Knows neither what a line means nor how an event is sent.

mod history;
mod open;
mod quarantine;
mod queue;
mod remembered;
mod seal;
mod status;
mod turn;
mod version;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;
use tokio::sync::watch;
use vibetea_protocol::{EventId, EventType, Timestamp};

pub use history::Question;
pub(crate) use open::create_private;
pub use quarantine::{MOST_SET_ASIDE, Quarantine, Selection, SetAside};
pub use status::{DeliveryReport, DeliveryState, DeliveryStatus, LastError, StatusSnapshot};
pub use turn::{FileRow, Needs, Turn};

/// Payload bytes after which reading pauses, unless another cap is given.
pub const DEFAULT_CAP: u64 = 256 * 1024 * 1024;

/// Bytes an event takes beside its payload, in the cap and in [`Outbox::pending`]'s limit: the envelope on the wire.
pub const ENVELOPE_BYTES: usize = 192;

/// Who an event goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// `/events`, at once.
    Live,
    /// `/ingest`, in batches.
    Batch,
}

impl Destination {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Live, Self::Batch];

    /// The word for logs and counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Batch => "batch",
        }
    }

    /// The number a store keeps.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Live => 0,
            Self::Batch => 1,
        }
    }

    /// From the number a store keeps.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|destination| destination.number() == number)
    }

    /// The weight of this destination's column in a row's seal.
    const fn weight(self) -> i64 {
        match self {
            Self::Live => 1,
            Self::Batch => 2,
        }
    }
}

/// An event that waits for a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its place in the order of reading; never used twice.
    pub seq: i64,
    /// Derived from the transcript.
    pub id: EventId,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// JSON text, redacted.
    pub payload: String,
}

/// Why the store could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The state folder cannot be made or written.
    #[error("cannot use the state folder {}: {source}", folder.display())]
    Folder {
        /// The state folder.
        folder: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// Another monitor works with the same folder.
    #[error("another monitor is using the state folder {}; stop it or set VIBETEA_STATE_DIR to another folder", folder.display())]
    Locked {
        /// The state folder.
        folder: PathBuf,
    },
    /// A newer program made the store; it was left as it is.
    #[error("{} was written by a newer version of this program (schema {found}, this one knows {known}); nothing was changed", file.display())]
    Newer {
        /// The store.
        file: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// A monitor of an older program works with the store, which this one would have to change.
    #[error("a monitor of an older version is using the state folder {}; restart it with this version first", folder.display())]
    Older {
        /// The state folder.
        folder: PathBuf,
    },
    /// There is no store yet.
    #[error("no monitor has run with the state folder {} yet", folder.display())]
    Missing {
        /// The state folder.
        folder: PathBuf,
    },
    /// No such event is set aside.
    #[error("no event {0} is set aside; `vibetea-monitor quarantine list` shows those that are")]
    NotSetAside(EventId),
    /// The disk is full; nothing of the transaction was kept.
    #[error("the disk with the monitor's store is full")]
    Full,
    /// The store failed for now; nothing of the transaction was kept.
    #[error("the monitor's store cannot be used: {0}")]
    Unavailable(rusqlite::Error),
    /// The store is damaged; the next start sets it aside and reads everything again.
    #[error("the monitor's store is damaged: {0}")]
    Broken(String),
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Broken(error.to_string()),
            _ => Self::Unavailable(error),
        }
    }
}

/// Handle on the store; clones share one connection.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    /// The connection's `data_version` when the counts below were last taken over.
    version: AtomicI64,
    depths: [AtomicU64; 2],
    bytes: AtomicU64,
    cap: u64,
    added: [watch::Sender<u64>; 2],
    removed: watch::Sender<u64>,
    question: watch::Sender<Question>,
    state_dir: PathBuf,
    // declared last: released after the connection is closed
    _lock: Option<open::Lock>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Number of events that wait for a destination.
    pub fn depth(&self, destination: Destination) -> Result<u64, OutboxError> {
        Ok(self.shared.depths[destination as usize].load(Ordering::Acquire))
    }

    /// The folder the store is in, private to this process.
    pub fn state_dir(&self) -> &Path {
        &self.shared.state_dir
    }

    /// Bytes of all waiting events.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Acquire)
    }

    /// Whether the cap is reached: reading has to wait.
    pub fn is_full(&self) -> bool {
        self.bytes() >= self.shared.cap
    }

    /// Changes whenever rows were added for the destination.
    pub fn subscribe(&self, destination: Destination) -> watch::Receiver<u64> {
        self.shared.added[destination as usize].subscribe()
    }

    /// Changes whenever rows left.
    pub fn subscribe_removed(&self) -> watch::Receiver<u64> {
        self.shared.removed.subscribe()
    }

    /// Counts anew, and wakes the senders, if another process has written to the store since this was last asked:
    /// somebody put events back that had been set aside. Whether it was so.
    pub fn notice_others(&self) -> Result<bool, OutboxError> {
        let connection = self.connection();
        let version = open::data_version(&connection)?;
        if self.shared.version.swap(version, Ordering::AcqRel) == version {
            return Ok(false);
        }
        let (depths, bytes) = queue::count(&connection)?;
        for (index, depth) in depths.into_iter().enumerate() {
            self.shared.depths[index].store(depth, Ordering::Release);
            self.shared.added[index].send_modify(|count| *count = count.wrapping_add(1));
        }
        self.shared.bytes.store(bytes, Ordering::Release);
        Ok(true)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // a panic in a transaction rolls it back when it is dropped, so the connection is still good
        self.shared.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes over what a committed transaction changed, before the connection is let go.
    fn apply(&self, change: &Change) {
        for destination in Destination::ALL {
            let index = destination as usize;
            add_signed(&self.shared.depths[index], change.depths[index]);
            if change.added[index] {
                self.shared.added[index].send_modify(|count| *count = count.wrapping_add(1));
            }
        }
        add_signed(&self.shared.bytes, change.bytes);
        if change.removed {
            self.shared.removed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

fn add_signed(value: &AtomicU64, delta: i64) {
    value.store(value.load(Ordering::Acquire).saturating_add_signed(delta), Ordering::Release);
}

/// What a transaction does to the counts that are kept in memory.
#[derive(Debug, Default)]
struct Change {
    depths: [i64; 2],
    bytes: i64,
    added: [bool; 2],
    removed: bool,
}

impl Change {
    fn add(&mut self, needs: Needs, payload: usize) {
        for destination in Destination::ALL {
            if needs.wants(destination) {
                self.need(destination);
            }
        }
        self.bytes += row_bytes(payload);
    }

    fn need(&mut self, destination: Destination) {
        self.depths[destination as usize] += 1;
        self.added[destination as usize] = true;
    }

    fn satisfy(&mut self, destination: Destination) {
        self.depths[destination as usize] -= 1;
    }

    fn remove(&mut self, payload: usize) {
        self.bytes -= row_bytes(payload);
        self.removed = true;
    }
}

fn row_bytes(payload: usize) -> i64 {
    i64::try_from(payload + ENVELOPE_BYTES).unwrap_or(i64::MAX)
}
