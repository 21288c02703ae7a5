//! Making a store from a copy.

use std::path::Path;

use vibetea_protocol::Clock;

use super::{BackupError, Origin};
use crate::store::{
    AskCopy, CopyError, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store, StoreError,
};
use crate::transfer::{self, Digest, Selection};

/// Makes an empty store, or one that is not there, from a copy that was checked; answers what stands for its events now.
pub async fn restore(copy: &Path, origin: &Origin) -> Result<Digest, BackupError> {
    let store = match origin {
        Origin::Sqlite(path) => {
            let (copy, to) = (copy.to_owned(), path.clone());
            let what = copy.display().to_string();
            let digest = |ask: AskCopy<'_>| {
                let digest = transfer::digest_copy(ask);
                digest
                    .map(|digest| digest.to_string())
                    .map_err(|error| CopyError::Damaged { what, detail: error.to_string() })
            };
            tokio::task::spawn_blocking(move || SqliteStore::restore(&copy, &to, digest))
                .await
                .map_err(|error| CopyError::from(StoreError::Internal(error.to_string())))??;
            Store::open_sqlite(SqliteOptions::new(path), Clock::System, Box::new(|_| {})).await?
        }
        Origin::Postgres(url) => {
            PostgresStore::restore(copy, url.expose()).await?;
            Store::open_postgres(PostgresOptions::new(url.expose()), Clock::System, Box::new(|_| {})).await?
        }
    };
    let digest = transfer::digest(&store, &Selection::default()).await;
    store.close().await;
    Ok(digest?)
}
