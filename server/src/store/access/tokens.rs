//! Tokens of those who watch.

use std::collections::BTreeSet;
use std::time::Duration;

use vibetea_protocol::{SourceId, Timestamp};

use super::secret::{new_id, new_token, token_digest};
use super::{AccessError, AccessStore, Change, Refused, later};
use crate::store::tables::{ReadError, Row, Statement, Tables, invalid};
use crate::store::{SourceFilter, StoreError};

/// Most tokens in use.
const MOST_TOKENS: i64 = 1000;
/// Most sources that a token names.
const MOST_SOURCES: usize = 256;
/// Most days for which a token is good, where it ends at all.
pub const MOST_TOKEN_DAYS: u32 = 3650;
/// Longest name, in characters.
const MOST_NAME_CHARS: usize = 64;

const ALL: Statement = Statement::both(
    "SELECT id, name, digest, admin, sources, created, expires, last_used FROM viewer_token
    WHERE revoked IS NULL ORDER BY created DESC, id",
);
const ONE: Statement = Statement::both(
    "SELECT id, name, digest, admin, sources, created, expires, last_used FROM viewer_token
    WHERE revoked IS NULL AND (id = ?1 OR name = ?1) ORDER BY CASE WHEN id = ?1 THEN 0 ELSE 1 END",
);
const COUNT: Statement = Statement::both("SELECT count(*) FROM viewer_token WHERE revoked IS NULL");
const NAME_TAKEN: Statement =
    Statement::both("SELECT 1 FROM viewer_token WHERE revoked IS NULL AND name = ?1 LIMIT 1");
const ADD: Statement = Statement::both(
    "INSERT INTO viewer_token (id, name, digest, admin, sources, created, expires, revoked, last_used)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL)",
);
const REVOKE: Statement = Statement::both("UPDATE viewer_token SET revoked = ?2 WHERE id = ?1");
const ROTATE: Statement = Statement::both(
    "UPDATE viewer_token SET digest = ?2, created = ?3, expires = ?4, last_used = NULL WHERE id = ?1",
);
const SHOW: Statement = Statement::both("UPDATE viewer_token SET sources = ?2 WHERE id = ?1");

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// What it is called by.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// Whether it opens the admin routes.
    pub admin: bool,
    /// What it shows.
    pub sources: SourceFilter,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is not taken any more.
    pub expires: Option<Timestamp>,
    /// When it was last shown, to the minute.
    pub last_used: Option<Timestamp>,
}

impl std::fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is to be.
    pub name: String,
    /// Whether it opens the admin routes.
    pub admin: bool,
    /// What it shows; without it everything.
    pub sources: Option<BTreeSet<SourceId>>,
    /// After which time it ends; without it never.
    pub lifetime: Option<Duration>,
}

/// A token, shown this once, and what is kept of it.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// What is kept of it.
    pub entry: StoredToken,
}

/// A text that no log shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn expose(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl AccessStore {
    /// The tokens that were not revoked, the newest first.
    pub async fn tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        self.read(all).await
    }

    /// Makes a token.
    pub async fn create_token(&self, wanted: NewToken, now: Timestamp) -> Result<IssuedToken, AccessError> {
        let sources = scope(&wanted)?;
        let (token, id) = (new_token()?, new_id()?);
        let NewToken { name, admin, lifetime, .. } = wanted;
        let expires = lifetime.map(|lifetime| later(now, lifetime));
        let digest = token_digest(token.as_bytes());
        let entry = StoredToken { id, name, digest, admin, sources, created: now, expires, last_used: None };
        let kept = entry.clone();
        self.change(move |tables| add(tables, &kept)).await?;
        Ok(IssuedToken { token: Secret(token), entry })
    }

    /// Ends a token, found by its id or its name.
    pub async fn revoke_token(&self, token: String, now: Timestamp) -> Result<StoredToken, AccessError> {
        self.change(move |tables| {
            let Some(found) = find(tables, &token)? else { return Ok(Err(Refused::NoSuchToken(token))) };
            tables.execute(&REVOKE, &[found.id.as_str().into(), now.into()])?;
            Ok(Ok(found))
        })
        .await
    }

    /// Puts a new token in the place of one, found by its id or its name; the old one ends at once. The new one lives
    /// as long again.
    pub async fn rotate_token(&self, token: String, now: Timestamp) -> Result<IssuedToken, AccessError> {
        let new = new_token()?;
        let digest = token_digest(new.as_bytes());
        let entry = self
            .change(move |tables| {
                let Some(found) = find(tables, &token)? else { return Ok(Err(Refused::NoSuchToken(token))) };
                let expires = found.expires.map(|expires| {
                    let lifetime = expires.since(found.created).max(0);
                    Timestamp::from_micros(now.as_micros().saturating_add(lifetime)).unwrap_or(expires)
                });
                let params = [found.id.as_str().into(), (&digest).into(), now.into(), expires.into()];
                tables.execute(&ROTATE, &params)?;
                Ok(Ok(StoredToken { digest, created: now, expires, last_used: None, ..found }))
            })
            .await?;
        Ok(IssuedToken { token: Secret(new), entry })
    }
}

fn scope(wanted: &NewToken) -> Result<SourceFilter, Refused> {
    let chars = wanted.name.chars();
    if wanted.name.trim().is_empty()
        || chars.clone().count() > MOST_NAME_CHARS
        || chars.clone().any(char::is_control)
    {
        return Err(Refused::InvalidTokenName);
    }
    match &wanted.sources {
        None => Ok(SourceFilter::All),
        Some(_) if wanted.admin => Err(Refused::ScopedAdmin),
        Some(sources) if sources.is_empty() || sources.len() > MOST_SOURCES => {
            Err(Refused::InvalidScope(MOST_SOURCES))
        }
        Some(sources) => Ok(SourceFilter::among(sources.iter().map(|source| source.as_str().to_owned()))),
    }
}

/// The tokens that were not revoked. A row that somebody wrote by hand and that is none is passed over.
pub(super) fn all(tables: Tables<'_>) -> Result<Vec<StoredToken>, ReadError> {
    let mut tokens = Vec::new();
    tables.each(&ALL, &[], |row| {
        match read(row) {
            Ok(token) => tokens.push(token),
            Err(error) => tracing::warn!(id = row.text(0)?, %error, "a stored token cannot be used"),
        }
        Ok(())
    })?;
    Ok(tokens)
}

fn read(row: Row<'_>) -> Result<StoredToken, ReadError> {
    let digest = row.bytes(2)?.and_then(|digest| digest.try_into().ok());
    let sources = match row.optional_text(4)? {
        None => SourceFilter::All,
        Some(text) => {
            let names: Vec<String> =
                serde_json::from_str(text).map_err(|error| invalid("list of sources", &error))?;
            SourceFilter::among(names)
        }
    };
    Ok(StoredToken {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        digest: digest.ok_or_else(|| invalid("digest of a token", &"not 32 bytes"))?,
        admin: row.integer(3)? != 0,
        sources,
        created: row.optional_moment(5)?.ok_or_else(|| invalid("time of a token", &"missing"))?,
        expires: row.optional_moment(6)?,
        last_used: row.optional_moment(7)?,
    })
}

fn find(tables: Tables<'_>, token: &str) -> Result<Option<StoredToken>, ReadError> {
    tables.one(&ONE, &[token.into()], read)
}

fn add(tables: Tables<'_>, token: &StoredToken) -> Change<()> {
    if tables.exists(&NAME_TAKEN, &[token.name.as_str().into()])? {
        return Ok(Err(Refused::TokenNameTaken(token.name.clone())));
    }
    let count = tables.one(&COUNT, &[], |row| row.integer(0))?.unwrap_or_default();
    if count >= MOST_TOKENS {
        return Ok(Err(Refused::TooManyTokens(count)));
    }
    let sources = token.sources.names().map(|names| json(&names));
    let params = [
        token.id.as_str().into(),
        token.name.as_str().into(),
        (&token.digest).into(),
        i64::from(token.admin).into(),
        sources.as_deref().into(),
        token.created.into(),
        token.expires.into(),
    ];
    tables.execute(&ADD, &params)?;
    Ok(Ok(()))
}

fn json(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}

/// Tokens that show `old` by name show `new` as well.
pub(super) fn show_besides(tables: Tables<'_>, old: &SourceId, new: &SourceId) -> Result<(), ReadError> {
    for token in all(tables)? {
        let Some(mut names) = token.sources.names() else { continue };
        if names.iter().any(|name| name == old.as_str()) && !names.iter().any(|name| name == new.as_str()) {
            names.push(new.as_str().to_owned());
            tables.execute(&SHOW, &[token.id.as_str().into(), json(&names).as_str().into()])?;
        }
    }
    Ok(())
}
