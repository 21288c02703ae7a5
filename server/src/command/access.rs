//! Who may send and who may watch, opened for a command, beside a running server or without one.

use std::path::Path;

use vibetea_protocol::{Clock, SourceId};

use super::Failure;
use super::store::{Missing, cannot_open, configured, keeps_nothing, refuse_missing};
use crate::access::KNOWN_EVERYWHERE;
use crate::auth::Keys;
use crate::config::{Database, Lookup, StoreArgs, StoreConfig};
use crate::store::{AccessError, AccessStore, PostgresOptions, SqliteOptions, Store};

/// The settings; what is logged is logged from here on.
pub(super) fn configure(args: &StoreArgs, lookup: Lookup<'_>) -> Result<StoreConfig, Failure> {
    configured(StoreConfig::load_with_sources(args, lookup))
}

/// Opens it. A database that is missing or of an earlier release is made or brought up to date on the way, unless a
/// server uses it.
pub(super) async fn open(database: Database, missing: Missing) -> Result<AccessStore, Failure> {
    match database {
        Database::Relay => Err(keeps_nothing()),
        Database::Sqlite(path) => {
            refuse_missing(&path, missing)?;
            if let Some(access) = AccessStore::open_sqlite(&path).await.map_err(cannot_open)? {
                return Ok(access);
            }
            bring_up_to_date(&path).await?;
            let access = AccessStore::open_sqlite(&path).await.map_err(cannot_open)?;
            access.ok_or_else(|| cannot_open("it was brought up to date and is not"))
        }
        Database::Postgres(url) => {
            AccessStore::open_postgres(&PostgresOptions::new(url.expose())).await.map_err(cannot_open)
        }
    }
}

async fn bring_up_to_date(path: &Path) -> Result<(), Failure> {
    let store = Store::open_sqlite(SqliteOptions::new(path), Clock::System, Box::new(|_| {}));
    store.await.map_err(cannot_open)?.close().await;
    Ok(())
}

/// Waits until every running server knows of a change.
pub(super) async fn spread() {
    tokio::time::sleep(KNOWN_EVERYWHERE).await;
}

/// What stands in the configuration is changed there alone.
pub(super) fn changeable(source: &SourceId, configured: &Keys) -> Result<(), Failure> {
    if configured.of(source).is_none() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "the source '{source}' stands in VIBETEA_PUBLIC_KEYS: change it there and start the server again"
    )))
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        Self::of(error)
    }
}
