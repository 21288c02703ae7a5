//! The public keys of sources.

use std::time::Duration;

use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};

use super::{Change, Refused, granted, later};
use crate::store::tables::{ReadError, Row, Statement, Tables};

/// Most keys of a source at a time.
pub const MOST_KEYS: usize = 4;

const ALL: Statement = Statement::both(
    "SELECT source, public_key, added, expires FROM source_key
    WHERE source IN (SELECT name FROM registered_source WHERE revoked IS NULL)
    ORDER BY source, added, public_key",
);
const ONE: Statement = Statement::both(
    "SELECT expires, vouched_by FROM source_key
    WHERE source = ?1 AND public_key = ?2 AND (expires IS NULL OR expires > ?3)",
);
const DROP_EXPIRED: Statement = Statement::both("DELETE FROM source_key WHERE source = ?1 AND expires <= ?2");
const OF_SOURCE: Statement = Statement::both(
    "SELECT public_key, expires FROM source_key WHERE source = ?1
    ORDER BY coalesce(expires, 9223372036854775807), added",
);
const DROP_ONE: Statement = Statement::both("DELETE FROM source_key WHERE source = ?1 AND public_key = ?2");
const ADD: Statement = Statement::both(
    "INSERT INTO source_key (source, public_key, added, expires, vouched_by) VALUES (?1, ?2, ?3, NULL, ?4)
    ON CONFLICT (source, public_key) DO UPDATE SET expires = NULL",
);
const EXPIRE_OTHERS: Statement = Statement::both(
    "UPDATE source_key SET expires = ?3
    WHERE source = ?1 AND public_key <> ?2 AND (expires IS NULL OR expires > ?3)",
);
const LAST_OTHER: Statement =
    Statement::both("SELECT max(expires) FROM source_key WHERE source = ?1 AND public_key <> ?2");

/// A key of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Whose it is.
    pub source: SourceId,
    /// The key.
    pub key: PublicKey,
    /// When it was registered.
    pub added: Timestamp,
    /// From when on it is not taken any more.
    pub expires: Option<Timestamp>,
}

/// The keys of all sources that were not revoked. A row that somebody wrote by hand and that is none is passed over.
pub(super) fn all(tables: Tables<'_>) -> Result<Vec<StoredKey>, ReadError> {
    let mut keys = Vec::new();
    tables.each(&ALL, &[], |row| {
        if let Some(key) = read(row)? {
            keys.push(key);
        } else {
            tracing::warn!(source = row.text(0)?, "a stored key cannot be used");
        }
        Ok(())
    })?;
    Ok(keys)
}

fn read(row: Row<'_>) -> Result<Option<StoredKey>, ReadError> {
    let (Ok(source), Ok(key)) = (row.text(0)?.parse(), PublicKey::from_base64(row.text(1)?)) else {
        return Ok(None);
    };
    let added = row.optional_moment(2)?;
    let expires = row.optional_moment(3)?;
    Ok(added.map(|added| StoredKey { source, key, added, expires }))
}

/// Gives a registered source a key for good. The key that would expire first makes room, but neither one that is for good
/// nor the one that vouches does.
pub(super) fn add(
    tables: Tables<'_>,
    source: &SourceId,
    key: &PublicKey,
    vouched_by: Option<&PublicKey>,
    now: Timestamp,
) -> Change<()> {
    let (name, text, vouched_by) = (source.as_str(), key.to_base64(), vouched_by.map(PublicKey::to_base64));
    tables.execute(&DROP_EXPIRED, &[name.into(), now.into()])?;
    let mut kept: Vec<(String, bool)> = Vec::new();
    tables.each(&OF_SOURCE, &[name.into()], |row| {
        kept.push((row.text(0)?.to_owned(), row.optional_moment(1)?.is_some()));
        Ok(())
    })?;
    if kept.len() >= MOST_KEYS && !kept.iter().any(|(known, _)| *known == text) {
        let goes = kept.iter().find(|(known, expires)| *expires && Some(known) != vouched_by.as_ref());
        let Some((goes, _)) = goes else { return Ok(Err(Refused::TooManyKeys(name.to_owned()))) };
        tables.execute(&DROP_ONE, &[name.into(), goes.as_str().into()])?;
    }
    let params = [name.into(), text.as_str().into(), now.into(), vouched_by.as_deref().into()];
    tables.execute(&ADD, &params)?;
    Ok(Ok(()))
}

/// See [`super::AccessStore::add_key_vouched`].
pub(super) fn add_vouched(
    tables: Tables<'_>,
    source: &SourceId,
    (old, new): (&PublicKey, &PublicKey),
    overlap: Duration,
    now: Timestamp,
) -> Change<Option<Timestamp>> {
    let (name, old_text, new_text) = (source.as_str(), old.to_base64(), new.to_base64());
    let found = |key: &str| {
        tables.one(&ONE, &[name.into(), key.into(), now.into()], |row| {
            Ok((row.optional_moment(0)?, row.optional_text(1)?.map(str::to_owned)))
        })
    };
    let (held, followed) = (found(&old_text)?, found(&new_text)?);
    let is_held_for_good = matches!(held, Some((None, _)));
    if is_held_for_good {
        let params = [name.into(), new_text.as_str().into(), later(now, overlap).into()];
        tables.execute(&EXPIRE_OTHERS, &params)?;
        if old != new {
            granted!(add(tables, source, new, Some(old), now));
        }
    } else {
        // a key that was replaced vouches for no other, or whoever found it could go on for ever; that the answer got
        // lost is another matter
        let was_done =
            held.is_some() && matches!(followed, Some((None, Some(vouched_by))) if vouched_by == old_text);
        if !was_done {
            return Ok(Err(Refused::NotVouched(name.to_owned())));
        }
    }
    let params = [name.into(), new_text.as_str().into()];
    let end = tables.one(&LAST_OTHER, &params, |row| row.optional_moment(0))?.flatten();
    Ok(Ok(end.filter(|end| *end > now)))
}
