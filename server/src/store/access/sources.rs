//! The sources that may send.

use std::time::Duration;

use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};

use super::{AccessError, AccessStore, Change, Refused, StoredKey, granted, keys, tokens};
use crate::store::StoreError;
use crate::store::tables::{ReadError, Statement, Tables};

/// Most sources that are or were registered.
const MOST_SOURCES: i64 = 10_000;

const ALL: Statement = Statement::both("SELECT name, created, revoked FROM registered_source ORDER BY name");
const COUNT: Statement = Statement::both("SELECT count(*) FROM registered_source");
const IS_REVOKED: Statement = Statement::both("SELECT revoked FROM registered_source WHERE name = ?1");
const REGISTER: Statement = Statement::both(
    "INSERT INTO registered_source (name, created, revoked) VALUES (?1, ?2, NULL)
    ON CONFLICT (name) DO UPDATE SET created = excluded.created, revoked = NULL",
);
const REVOKE: Statement = Statement::both(
    "UPDATE registered_source SET revoked = ?2 WHERE name = ?1 AND revoked IS NULL RETURNING name",
);
const DROP_KEYS: Statement = Statement::both("DELETE FROM source_key WHERE source = ?1");
const DROP_CODES: Statement = Statement::both("DELETE FROM enrolment WHERE source = ?1");
const DROP_ACTIVITY: Statement = Statement::both("DELETE FROM source_activity WHERE source = ?1");
const RENAME: [Statement; 4] = [
    Statement::both("UPDATE registered_source SET name = ?2 WHERE name = ?1"),
    Statement::both("UPDATE source_key SET source = ?2 WHERE source = ?1"),
    Statement::both("UPDATE enrolment SET source = ?2 WHERE source = ?1"),
    Statement::both("UPDATE source_activity SET source = ?2 WHERE source = ?1"),
];

/// A source that is or was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Its name.
    pub name: SourceId,
    /// When it was registered, for the last time.
    pub created: Timestamp,
    /// When it was revoked; none while it may send.
    pub revoked: Option<Timestamp>,
    /// Its keys, expired ones included; none once it is revoked.
    pub keys: Vec<StoredKey>,
}

impl AccessStore {
    /// Every source that is or was registered, by name.
    pub async fn sources(&self) -> Result<Vec<SourceEntry>, StoreError> {
        self.read(|tables| tables.snapshot(|| all(tables))).await
    }

    /// Lets a source send with this key, beside those it has. One that was revoked begins afresh.
    pub async fn add_key(&self, source: SourceId, key: PublicKey, now: Timestamp) -> Result<(), AccessError> {
        self.change(move |tables| register(tables, &source, &key, now)).await
    }

    /// Takes a key in the place of all others of its source: the one that vouches for it, and the rest, end after the
    /// overlap; the answer is when the last one does. With the same key twice, the others end and nothing else happens.
    pub async fn add_key_vouched(
        &self,
        source: SourceId,
        old: PublicKey,
        new: PublicKey,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AccessError> {
        self.change(move |tables| keys::add_vouched(tables, &source, (&old, &new), overlap, now)).await
    }

    /// Gives a source another name, under which it sends from now on. What it has sent keeps the old one. Tokens that
    /// show the old name show the new one besides.
    pub async fn rename_source(&self, old: SourceId, new: SourceId) -> Result<(), AccessError> {
        self.change(move |tables| rename(tables, &old, &new)).await
    }

    /// Ends all keys of a source, and the codes that would give it others.
    pub async fn revoke_source(&self, source: String, now: Timestamp) -> Result<(), AccessError> {
        self.change(move |tables| {
            let name = source.as_str();
            if tables.one(&REVOKE, &[name.into(), now.into()], |_| Ok(()))?.is_none() {
                return Ok(Err(Refused::NoSuchSource(source)));
            }
            tables.execute(&DROP_KEYS, &[name.into()])?;
            tables.execute(&DROP_CODES, &[name.into()])?;
            Ok(Ok(()))
        })
        .await
    }
}

fn all(tables: Tables<'_>) -> Result<Vec<SourceEntry>, ReadError> {
    let keys = keys::all(tables)?;
    let mut entries = Vec::new();
    tables.each(&ALL, &[], |row| {
        if let (Ok(name), Some(created)) = (row.text(0)?.parse::<SourceId>(), row.optional_moment(1)?) {
            let keys = keys.iter().filter(|key| key.source == name).cloned().collect();
            entries.push(SourceEntry { name, created, revoked: row.optional_moment(2)?, keys });
        }
        Ok(())
    })?;
    Ok(entries)
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Unknown,
    Registered,
    Revoked,
}

fn standing(tables: Tables<'_>, source: &SourceId) -> Result<Standing, ReadError> {
    let revoked = tables.one(&IS_REVOKED, &[source.as_str().into()], |row| row.optional_moment(0))?;
    Ok(match revoked {
        None => Standing::Unknown,
        Some(None) => Standing::Registered,
        Some(Some(_)) => Standing::Revoked,
    })
}

/// Registers a source if it is not, and gives it the key.
pub(super) fn register(tables: Tables<'_>, source: &SourceId, key: &PublicKey, now: Timestamp) -> Change<()> {
    if standing(tables, source)? != Standing::Registered {
        granted!(enter(tables, source, now));
    }
    keys::add(tables, source, key, None, now)
}

/// Enters a source that has no keys.
fn enter(tables: Tables<'_>, source: &SourceId, now: Timestamp) -> Change<()> {
    let count = tables.one(&COUNT, &[], |row| row.integer(0))?.unwrap_or_default();
    if count >= MOST_SOURCES && standing(tables, source)? == Standing::Unknown {
        return Ok(Err(Refused::TooManySources(count)));
    }
    tables.execute(&REGISTER, &[source.as_str().into(), now.into()])?;
    Ok(Ok(()))
}

fn rename(tables: Tables<'_>, old: &SourceId, new: &SourceId) -> Change<()> {
    if standing(tables, old)? != Standing::Registered {
        return Ok(Err(Refused::NoSuchSource(old.as_str().to_owned())));
    }
    if standing(tables, new)? != Standing::Unknown {
        return Ok(Err(Refused::SourceExists(new.as_str().to_owned())));
    }
    tables.execute(&DROP_CODES, &[new.as_str().into()])?;
    tables.execute(&DROP_ACTIVITY, &[new.as_str().into()])?;
    for statement in &RENAME {
        tables.execute(statement, &[old.as_str().into(), new.as_str().into()])?;
    }
    tokens::show_besides(tables, old, new)?;
    Ok(Ok(()))
}
