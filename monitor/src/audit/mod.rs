//! A bounded record of what left this machine: the very bytes of each request, their hash and signature, and what
//! came back.
//!
//! A request is recorded before it is sent, so a monitor that is killed leaves nothing out. The record costs no wait
//! for the disk: a power cut may take its last seconds, never what is delivered. Delivery does not depend on it; what
//! could not be recorded is counted.

mod open;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};
use vibetea_protocol::Timestamp;

use crate::outbox::Destination;
pub use read::{AuditReader, Entry, Verdict};

/// Bytes of bodies and entries that are kept, unless another cap is given.
pub const DEFAULT_CAP: u64 = 64 * 1024 * 1024;

/// Bytes an entry takes beside its body.
const ENTRY_BYTES: u64 = 512;

/// The record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Nothing was recorded yet.
    #[error("nothing has been sent with the state folder {} yet", .0.display())]
    Missing(PathBuf),
    /// A newer program made it.
    #[error("{} was written by a newer version of this program; nothing was changed", .0.display())]
    Newer(PathBuf),
    /// Something in it is not what was put there.
    #[error("the record of what was sent is damaged: {0}")]
    Damaged(String),
    /// The file system refuses.
    #[error("the record of what was sent cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// SQLite refuses.
    #[error("the record of what was sent cannot be used: {0}")]
    Store(#[from] rusqlite::Error),
}

/// A request about to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub destination: Destination,
    /// Where; an address of the configuration, which allows no secret in it.
    pub url: String,
    /// The public key of the signature, base64.
    pub key: String,
    /// The signature as its header carries it.
    pub signature: String,
    /// Number of events in the body.
    pub events: usize,
    /// Every byte of the body.
    pub body: Bytes,
}

/// Names a recorded request until its end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(i64);

/// How a recorded request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server answered with this status, and a code word perhaps.
    Answered(u16, String),
    /// Nothing came back; what became of the connection.
    Silent(String),
    /// There was no connection, so nothing left.
    NotSent,
}

/// Handle on the record; clones share one connection.
#[derive(Clone)]
pub struct AuditLog {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    cap: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Kept>,
    /// Requests since the record could last be written.
    missed: u64,
}

/// The open file and how much it holds.
struct Kept {
    connection: Connection,
    bytes: u64,
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// The record in a state folder that this process holds; opened with the first request.
    pub fn new(state_dir: &Path) -> Self {
        Self::with_cap(state_dir, DEFAULT_CAP)
    }

    /// As [`AuditLog::new`]; the oldest entries go once more than `cap` bytes are kept.
    pub fn with_cap(state_dir: &Path, cap: u64) -> Self {
        let state = Mutex::default();
        Self { shared: Arc::new(Shared { folder: state_dir.to_owned(), cap, state }) }
    }

    /// Records a request that is about to be sent; `None` where that is not possible, which is counted and said.
    pub fn begin(&self, request: &Outgoing) -> Option<Number> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.write(&mut state, request) {
            Ok(number) => {
                if state.missed > 0 {
                    info!(missed = state.missed, "what is sent is recorded again");
                    state.missed = 0;
                }
                Some(number)
            }
            Err(error) => {
                if state.missed == 0 {
                    warn!(%error, "what is sent is not recorded for now; delivery goes on");
                }
                state.missed += 1;
                // a damaged file is replaced when it is opened
                state.open = None;
                None
            }
        }
    }

    /// Records how a request ended.
    pub fn end(&self, Number(number): Number, end: &End) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = &mut state.open else { return };
        let written = match end {
            End::Answered(status, answer) => kept.answer(number, Some(*status), answer),
            End::Silent(what) => kept.answer(number, None, what),
            End::NotSent => kept.take_back(number),
        };
        if let Err(error) = written {
            warn!(%error, "the end of a request was not recorded");
        }
    }

    fn write(&self, state: &mut State, request: &Outgoing) -> Result<Number, AuditError> {
        let kept = match &mut state.open {
            Some(kept) => kept,
            closed => {
                let connection = open::open(&self.shared.folder, request.at)?;
                let bytes = stored_bytes(&connection)?;
                closed.insert(Kept { connection, bytes })
            }
        };
        kept.insert(request, state.missed, self.shared.cap)
    }
}

impl Kept {
    fn insert(&mut self, request: &Outgoing, missed: u64, cap: u64) -> Result<Number, AuditError> {
        let sha256: [u8; 32] = Sha256::digest(&request.body).into();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut bytes = self.bytes + ENTRY_BYTES;
        let known = transaction
            .prepare_cached("SELECT 1 FROM body WHERE sha256 = ?1")?
            .query_row([&sha256[..]], |_| Ok(()))
            .optional()?;
        if known.is_none() {
            let compressed = lz4_flex::block::compress(&request.body);
            bytes += compressed.len() as u64;
            transaction
                .prepare_cached("INSERT INTO body (sha256, compressed, size) VALUES (?1, ?2, ?3)")?
                .execute(params![&sha256[..], compressed, request.body.len()])?;
        }
        transaction
            .prepare_cached(
                "INSERT INTO request (at, destination, url, key, signature, events, sha256)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                request.at.as_micros(),
                request.destination.number(),
                request.url,
                request.key,
                request.signature,
                request.events,
                &sha256[..],
            ])?;
        let number = transaction.last_insert_rowid();
        if missed > 0 {
            transaction
                .prepare_cached("INSERT INTO missed (at, requests) VALUES (?1, ?2)")?
                .execute(params![request.at.as_micros(), missed])?;
        }
        while bytes > cap {
            let Some(freed) = forget_oldest(&transaction, number)? else { break };
            bytes = bytes.saturating_sub(freed);
        }
        transaction.commit()?;
        self.bytes = bytes;
        Ok(Number(number))
    }

    fn answer(&self, number: i64, status: Option<u16>, answer: &str) -> Result<(), AuditError> {
        self.connection
            .prepare_cached("UPDATE request SET status = ?2, answer = ?3 WHERE number = ?1")?
            .execute(params![number, status, answer])?;
        Ok(())
    }

    fn take_back(&mut self, number: i64) -> Result<(), AuditError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let freed = forget(&transaction, number)?;
        transaction.commit()?;
        self.bytes = self.bytes.saturating_sub(freed);
        Ok(())
    }
}

/// Removes the oldest entry before `newest`; the bytes that gave, `None` where there is none.
fn forget_oldest(transaction: &Connection, newest: i64) -> Result<Option<u64>, AuditError> {
    let oldest: Option<i64> = transaction
        .prepare_cached("SELECT min(number) FROM request WHERE number < ?1")?
        .query_row([newest], |row| row.get(0))?;
    oldest.map(|number| forget(transaction, number)).transpose()
}

/// Removes an entry, and its body if no other has the same; the bytes that gave.
fn forget(transaction: &Connection, number: i64) -> Result<u64, AuditError> {
    let sha256: Option<Vec<u8>> = transaction
        .prepare_cached("DELETE FROM request WHERE number = ?1 RETURNING sha256")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    let Some(sha256) = sha256 else { return Ok(0) };
    let body: Option<u64> = transaction
        .prepare_cached(
            "DELETE FROM body WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM request WHERE sha256 = ?1)
             RETURNING length(compressed)",
        )?
        .query_row([sha256], |row| row.get(0))
        .optional()?;
    Ok(ENTRY_BYTES + body.unwrap_or(0))
}

fn stored_bytes(connection: &Connection) -> Result<u64, AuditError> {
    let (bodies, entries): (u64, u64) = connection.query_row(
        "SELECT (SELECT coalesce(sum(length(compressed)), 0) FROM body), (SELECT count(*) FROM request)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(bodies + entries * ENTRY_BYTES)
}
