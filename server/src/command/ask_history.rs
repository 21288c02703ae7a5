//! `vibetea-server ask-history`.

use std::collections::BTreeSet;

use vibetea_protocol::{Clock, SourceId};

use super::store::{Missing, Opened, configure, open, refuse_missing};
use super::{Failure, run};
use crate::config::{Database, Lookup, StoreArgs, StoreConfig};
use crate::store::{OpenError, SqliteOptions, SqliteStore, Store};

pub(super) const EXAMPLES: &str = "\
Examples:
  # all monitors, after the store was lost or restored from an older copy
  vibetea-server ask-history

  # two of them
  vibetea-server ask-history laptop desktop

A monitor learns of it with the next answer to an event that it sends, reads its transcripts once
more from their begin and sends what they still hold, after what is new. What is stored already is
stored once all the same. The server need not be stopped.
Exit codes: 0 asked, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Whom to ask, by which store.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Sources whose monitors are asked; all of them without a name
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceId>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn ask_history(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let config = configure(&options.store, lookup)?;
    let sources: BTreeSet<SourceId> = options.sources.iter().cloned().collect();
    let sources: Vec<SourceId> = sources.into_iter().collect();
    run(async {
        ask(config, sources.clone()).await?;
        let whom = match &*sources {
            [] => "all sources".to_owned(),
            named => named.iter().map(SourceId::as_str).collect::<Vec<_>>().join(", "),
        };
        eprintln!("vibetea-server: {whom} will send again what their transcripts hold");
        Ok(())
    })
}

async fn ask(config: StoreConfig, sources: Vec<SourceId>) -> Result<(), Failure> {
    if let Database::Sqlite(path) = &config.database {
        refuse_missing(path, Missing::Refuse)?;
        // brings the schema up to date, unless a server runs that did so
        match Store::open_sqlite(SqliteOptions::new(path), Clock::System, Box::new(|_| {})).await {
            Ok(store) => store.close().await,
            Err(OpenError::Locked { .. }) => {}
            Err(error) => return Err(super::store::cannot_open(error)),
        }
        let asked = SqliteStore::ask_history_at(path.clone(), sources, Clock::System.now()).await;
        return asked.map(|_| ()).map_err(Failure::of);
    }
    let Opened { store, .. } = open(config, Missing::Refuse).await?;
    let asked = store.ask_history(sources).await;
    store.close().await;
    asked.map(|_| ()).map_err(Failure::of)
}
