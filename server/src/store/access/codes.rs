//! Enrolment codes: each lets one monitor register its key, once, under the name it was made for.

use std::time::Duration;

use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{SourceId, Timestamp};

use super::secret::{new_code, token_digest};
use super::{AccessError, AccessStore, Change, Refused, granted, later, sources};
use crate::store::StoreError;
use crate::store::tables::{Statement, Tables};

/// How long a code can be used.
pub const CODE_LIFETIME: Duration = Duration::from_mins(15);
/// Most codes that wait.
const MOST_CODES: i64 = 256;

const DROP_EXPIRED: Statement = Statement::both("DELETE FROM enrolment WHERE expires <= ?1");
const COUNT: Statement = Statement::both("SELECT count(*) FROM enrolment");
const ADD: Statement = Statement::both(
    "INSERT INTO enrolment (digest, source, created, expires, used, used_by) VALUES (?1, ?2, ?3, ?4, NULL, NULL)",
);
const MADE_FOR: Statement =
    Statement::both("SELECT source FROM enrolment WHERE digest = ?1 AND expires > ?2");
const USE: Statement = Statement::both(
    "UPDATE enrolment SET used = ?2, used_by = ?3
    WHERE digest = ?1 AND expires > ?2 AND (used_by IS NULL OR used_by = ?3) RETURNING source",
);

/// What is kept of a code, `XXXX-XXXX`.
pub fn code_digest(code: &str) -> [u8; 32] {
    token_digest(code.as_bytes())
}

impl AccessStore {
    /// Makes a code for a source, `XXXX-XXXX`; the source need not be registered yet.
    pub async fn create_code(
        &self,
        source: SourceId,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<String, AccessError> {
        let code = new_code()?;
        let digest = code_digest(&code);
        self.change(move |tables| create(tables, &digest, &source, later(now, lifetime), now)).await?;
        Ok(code)
    }

    /// Registers a key under the name that the code was made for, unless another one is wanted. The same key may come
    /// again with its code, as an answer can get lost; no other may. A wrong code costs one look at an index and
    /// changes nothing.
    pub async fn redeem_code(
        &self,
        digest: [u8; 32],
        key: PublicKey,
        wanted: Option<SourceId>,
        now: Timestamp,
    ) -> Result<SourceId, AccessError> {
        let made_for = self.source_of_code(digest, now).await?.ok_or(Refused::InvalidCode)?;
        if wanted.is_some_and(|wanted| wanted.as_str() != made_for) {
            return Err(Refused::OtherSource.into());
        }
        self.change(move |tables| redeem(tables, &digest, &key, now)).await
    }

    /// Whom a code was made for that has not expired; it may have been used.
    async fn source_of_code(&self, digest: [u8; 32], now: Timestamp) -> Result<Option<String>, StoreError> {
        self.read(move |tables| {
            tables.one(&MADE_FOR, &[(&digest).into(), now.into()], |row| Ok(row.text(0)?.to_owned()))
        })
        .await
    }
}

fn create(
    tables: Tables<'_>,
    digest: &[u8; 32],
    source: &SourceId,
    expires: Timestamp,
    now: Timestamp,
) -> Change<()> {
    tables.execute(&DROP_EXPIRED, &[now.into()])?;
    let count = tables.one(&COUNT, &[], |row| row.integer(0))?.unwrap_or_default();
    if count >= MOST_CODES {
        return Ok(Err(Refused::TooManyCodes(count)));
    }
    tables.execute(&ADD, &[digest.into(), source.as_str().into(), now.into(), expires.into()])?;
    Ok(Ok(()))
}

fn redeem(tables: Tables<'_>, digest: &[u8; 32], key: &PublicKey, now: Timestamp) -> Change<SourceId> {
    let text = key.to_base64();
    let params = [digest.into(), now.into(), text.as_str().into()];
    let source = tables.one(&USE, &params, |row| Ok(row.text(0)?.parse::<SourceId>().ok()))?.flatten();
    let Some(source) = source else { return Ok(Err(Refused::InvalidCode)) };
    granted!(sources::register(tables, &source, key, now));
    Ok(Ok(source))
}
