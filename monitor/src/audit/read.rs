//! Reading the record: entries, bodies, and whether both are what was signed.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};
use vibetea_protocol::Timestamp;
use vibetea_protocol::signing::{BodySignature, PublicKey};

use super::{AuditError, open};
use crate::outbox::Destination;

/// The largest body that is believed; senders make smaller ones.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts up and is never used twice.
    pub number: i64,
    /// When sending began.
    pub at: Timestamp,
    /// To whom.
    pub destination: Destination,
    /// Where.
    pub url: String,
    /// The public key of the signature, base64.
    pub key: String,
    /// As its header carried it.
    pub signature: String,
    /// Number of events.
    pub events: u64,
    /// Of the body.
    pub sha256: [u8; 32],
    /// Bytes of the body.
    pub size: u64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The status with the server's code word, or what became of the connection; `None` while the request is under
    /// way, or where the monitor ended before it did.
    pub answer: Option<String>,
}

/// What a check of one request found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Hash and signature fit the body.
    Sound,
    /// Both fit, but the signature is of another key than the one asked about.
    OtherKey,
    /// The body is not the one that was hashed.
    WrongHash,
    /// The key of the entry did not sign the body.
    WrongSignature,
}

/// The record, open for reading.
#[derive(Debug)]
pub struct AuditReader {
    connection: Connection,
}

impl AuditReader {
    /// Opens the record of a state folder.
    pub fn open(state_dir: &Path) -> Result<Self, AuditError> {
        Ok(Self { connection: open::open_to_read(state_dir)? })
    }

    /// How many requests there are in all since `since`, and how many were sent while nothing could be recorded.
    pub fn counts(&self, since: Option<Timestamp>) -> Result<(u64, u64), AuditError> {
        let since = since.map_or(i64::MIN, Timestamp::as_micros);
        Ok(self.connection.query_row(
            "SELECT (SELECT count(*) FROM request WHERE at >= ?1),
                    (SELECT coalesce(sum(requests), 0) FROM missed WHERE at >= ?1)",
            [since],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Shows the newest `limit` requests since `since`, oldest first, until `see` fails.
    pub fn each<E: From<AuditError>>(
        &self,
        since: Option<Timestamp>,
        limit: u64,
        mut see: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT number, at, destination, url, key, signature, events, sha256, coalesce(size, 0),
                          status, answer
                   FROM (SELECT * FROM request WHERE at >= ?1 ORDER BY number DESC LIMIT ?2)
                   LEFT JOIN body USING (sha256) ORDER BY number";
        let mut statement = self.connection.prepare(sql).map_err(AuditError::from)?;
        let since = since.map_or(i64::MIN, Timestamp::as_micros);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![since, limit]).map_err(AuditError::from)?;
        while let Some(row) = rows.next().map_err(AuditError::from)? {
            see(entry(row).map_err(AuditError::from)??)?;
        }
        Ok(())
    }

    /// The very bytes of a request's body.
    pub fn body(&self, entry: &Entry) -> Result<Vec<u8>, AuditError> {
        let found: Option<(Vec<u8>, usize)> = self
            .connection
            .prepare_cached("SELECT compressed, size FROM body WHERE sha256 = ?1")?
            .query_row([&entry.sha256[..]], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let damaged = |what: &str| AuditError::Damaged(format!("request {}: {what}", entry.number));
        let (compressed, size) = found.ok_or_else(|| damaged("its body is gone"))?;
        if size > MAX_BODY {
            return Err(damaged("its body has an impossible size"));
        }
        lz4_flex::block::decompress(&compressed, size).map_err(|_| damaged("its body cannot be unpacked"))
    }

    /// Hashes a request's body again and checks its signature; `key` is the monitor's own.
    pub fn verify(&self, entry: &Entry, key: &PublicKey) -> Result<Verdict, AuditError> {
        let body = match self.body(entry) {
            Ok(body) => body,
            Err(AuditError::Damaged(_)) => return Ok(Verdict::WrongHash),
            Err(error) => return Err(error),
        };
        if <[u8; 32]>::from(Sha256::digest(&body)) != entry.sha256 {
            return Ok(Verdict::WrongHash);
        }
        let Some(signature) = BodySignature::from_base64(&entry.signature) else {
            return Ok(Verdict::WrongSignature);
        };
        if key.verifies(&body, &signature) {
            return Ok(Verdict::Sound);
        }
        let other = PublicKey::from_base64(&entry.key).ok().filter(|other| other != key);
        let by_other = other.is_some_and(|other| other.verifies(&body, &signature));
        Ok(if by_other { Verdict::OtherKey } else { Verdict::WrongSignature })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Result<Entry, AuditError>> {
    let number: i64 = row.get(0)?;
    let (at, destination): (i64, i64) = (row.get(1)?, row.get(2)?);
    let sha256: Vec<u8> = row.get(7)?;
    let read = (|| {
        Some(Entry {
            number,
            at: Timestamp::from_micros(at)?,
            destination: Destination::from_number(destination)?,
            url: row.get(3).ok()?,
            key: row.get(4).ok()?,
            signature: row.get(5).ok()?,
            events: row.get(6).ok()?,
            sha256: sha256.try_into().ok()?,
            size: row.get(8).ok()?,
            status: row.get(9).ok()?,
            answer: row.get(10).ok()?,
        })
    })();
    Ok(read.ok_or_else(|| AuditError::Damaged(format!("request {number} holds unreadable values"))))
}
