//! Who may send and who may watch, as a store keeps it: sources with their keys, enrolment codes, tokens. One set of
//! statements for every database, over a connection of its own, on a blocking thread that nobody's leaving cancels.
//!
//! Each change counts up `access_version`, which servers look at; in PostgreSQL that row also makes changes follow each other.

mod activity;
mod codes;
mod keys;
mod refused;
mod secret;
mod sources;
mod tokens;

use std::sync::Arc;

use vibetea_protocol::Timestamp;

use super::pool::ReadPool;
use super::tables::{ReadError, Statement, Tables};
use super::{OpenError, PostgresOptions, StoreError, postgres, sqlite};

pub use activity::{Activity, Sighting, Used};
pub use codes::{CODE_LIFETIME, code_digest};
pub use keys::{MOST_KEYS, StoredKey};
pub use refused::{AccessError, Refused};
pub use secret::token_digest;
pub use sources::SourceEntry;
pub use tokens::{IssuedToken, MOST_TOKEN_DAYS, NewToken, Secret, StoredToken};

const BUMP: Statement = Statement::both("UPDATE access_version SET version = version + 1");
const VERSION: Statement = Statement::both("SELECT version FROM access_version");

/// Where it is kept who may send and who may watch; clones share it.
#[derive(Debug, Clone)]
pub struct AccessStore(Pool);

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(Arc<ReadPool<sqlite::Reader>>),
    Postgres(Arc<ReadPool<postgres::Reader>>),
}

/// All that a server has to know to let requests in.
#[derive(Debug, Clone)]
pub struct AccessSnapshot {
    /// Differs from that of every other state.
    pub version: i64,
    /// The keys of all sources that were not revoked, expired ones included.
    pub keys: Vec<StoredKey>,
    /// The tokens that were not revoked, expired ones included.
    pub tokens: Vec<StoredToken>,
}

impl AccessStore {
    /// Beside a running server, or without one. None where the file is missing or its schema is older than this
    /// release's: a server, or opening the store once, makes it.
    pub async fn open_sqlite(path: &std::path::Path) -> Result<Option<Self>, OpenError> {
        let is_current = sqlite::has_current_schema(path).await?;
        Ok(is_current.map(|path| Self::of_sqlite(&path)))
    }

    /// Brings the schema up to date where that is needed.
    pub async fn open_postgres(options: &PostgresOptions) -> Result<Self, OpenError> {
        postgres::open_access(options).await
    }

    pub(super) fn of_sqlite(path: &std::path::Path) -> Self {
        let path = path.to_owned();
        Self(Pool::Sqlite(Arc::new(ReadPool::new(1, move || sqlite::Reader::open_writing(&path)))))
    }

    pub(super) fn of_postgres(
        open: impl Fn() -> Result<postgres::Reader, ReadError> + Send + Sync + 'static,
    ) -> Self {
        Self(Pool::Postgres(Arc::new(ReadPool::new(1, open))))
    }

    /// What differs from the state of that version; none where nothing does.
    pub async fn snapshot_unless(&self, known: Option<i64>) -> Result<Option<AccessSnapshot>, StoreError> {
        self.read(move |tables| {
            if known.is_some() && Some(version(tables)?) == known {
                return Ok(None);
            }
            tables.snapshot(|| {
                let (version, keys, tokens) = (version(tables)?, keys::all(tables)?, tokens::all(tables)?);
                Ok(Some(AccessSnapshot { version, keys, tokens }))
            })
        })
        .await
    }

    /// Whether other servers may use the same database.
    pub fn has_other_servers(&self) -> bool {
        matches!(self.0, Pool::Postgres(_))
    }

    /// Waits for what is under way, refuses what comes later and closes the connection.
    pub async fn close(&self) {
        match &self.0 {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Tables<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.0 {
            Pool::Sqlite(pool) => pool.read(move |reader| work(reader.tables())).await,
            Pool::Postgres(pool) => pool.read(move |reader| work(reader.tables())).await,
        }
    }

    /// A change of who may, after which servers read the rest again.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(Tables<'_>) -> Change<T> + Send + 'static,
    ) -> Result<T, AccessError> {
        let outcome = self.read(move |tables| {
            tables.change(|| {
                tables.execute(&BUMP, &[])?;
                work(tables)
            })
        });
        Ok(outcome.await??)
    }
}

/// What a change answers, or why nothing was changed.
type Change<T> = Result<Result<T, Refused>, ReadError>;

/// Goes on with what a part of a change answers, or ends the change with its refusal.
macro_rules! granted {
    ($part:expr) => {
        match $part? {
            Ok(done) => done,
            Err(refused) => return Ok(Err(refused)),
        }
    };
}
use granted;

fn version(tables: Tables<'_>) -> Result<i64, ReadError> {
    Ok(tables.one(&VERSION, &[], |row| row.integer(0))?.unwrap_or_default())
}

/// A moment later by so long; the same one where there is no such moment.
pub fn later(now: Timestamp, by: std::time::Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_add(micros)).unwrap_or(now)
}
