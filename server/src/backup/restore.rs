//! Making a store from a copy.

use std::path::Path;

use vibetea_protocol::Clock;

use super::{BackupError, Origin, Restored};
use crate::store::{
    AskCopy, CopyError, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store, StoreError,
};
use crate::transfer::{self, Selection};

/// Makes an empty store, or one that is not there, from a copy that was checked; answers what is in it now.
pub async fn restore(copy: &Path, origin: &Origin) -> Result<Restored, BackupError> {
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
    let admitted = admitted(&store).await;
    store.close().await;
    let (tokens, sources) = admitted.map_err(CopyError::from)?;
    Ok(Restored { digest: digest?, tokens, sources })
}

/// The names of the tokens and of the sources with keys that are good in it.
async fn admitted(store: &Store) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let (tokens, sources) = (store.access().tokens().await?, store.access().sources().await?);
    let sources = sources.into_iter().filter(|source| source.revoked.is_none());
    Ok((
        tokens.into_iter().map(|token| token.name).collect(),
        sources.map(|source| source.name.as_str().to_owned()).collect(),
    ))
}
