//! The configured store, opened for a command that uses nothing else of the server.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;
use vibetea_protocol::Clock;

use super::Failure;
use crate::config::{ConfigError, Database, Lookup, StoreArgs, StoreConfig};
use crate::store::{PostgresOptions, SqliteOptions, Store};
use crate::telemetry;
use crate::transfer::HostedSource;

/// An open store.
pub(super) struct Opened {
    pub(super) store: Store,
    /// Where state about it is kept; nowhere where there is neither a setting nor a home.
    pub(super) folder: Option<PathBuf>,
    /// What it is called, without a secret.
    pub(super) name: String,
}

/// Whether the store may be a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Refuse,
}

/// The settings; what is logged is logged from here on.
pub(super) fn configure(args: &StoreArgs, lookup: Lookup<'_>) -> Result<StoreConfig, Failure> {
    configured(StoreConfig::load(args, lookup))
}

pub(super) fn configured(loaded: Result<StoreConfig, ConfigError>) -> Result<StoreConfig, Failure> {
    let config = loaded.map_err(|error| Failure::Misconfigured(error.to_string()))?;
    telemetry::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

pub(super) async fn open(config: StoreConfig, missing: Missing) -> Result<Opened, Failure> {
    match config.database {
        Database::Relay => Err(keeps_nothing()),
        Database::Sqlite(path) => {
            refuse_missing(&path, missing)?;
            let store = Store::open_sqlite(SqliteOptions::new(&path), Clock::System, Box::new(|_| {}))
                .await
                .map_err(cannot_open)?;
            let path = path.canonicalize().unwrap_or(path);
            let folder = path.parent().map(PathBuf::from);
            Ok(Opened { store, folder, name: format!("sqlite:{}", path.display()) })
        }
        Database::Postgres(url) => {
            let name =
                url.expose().parse::<PgConnectOptions>().map(HostedSource::from).map_err(Failure::of)?;
            let options = PostgresOptions::new(url.expose());
            let store =
                Store::open_postgres(options, Clock::System, Box::new(|_| {})).await.map_err(cannot_open)?;
            Ok(Opened { store, folder: config.data_dir, name: format!("postgres:{name}") })
        }
    }
}

/// The failure of a command that needs a store.
pub(super) fn keeps_nothing() -> Failure {
    Failure::Misconfigured(
        "VIBETEA_DATABASE_URL is none: this server keeps nothing; allowed: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"
            .to_owned(),
    )
}

pub(super) fn refuse_missing(path: &Path, missing: Missing) -> Result<(), Failure> {
    if missing == Missing::Refuse && !path.exists() {
        return Err(Failure::Failed(format!("there is no database {}", path.display())));
    }
    Ok(())
}

pub(super) fn cannot_open(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("cannot open the store: {error}"))
}
