//! `vibetea-server backup` and `vibetea-server restore`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::Clock;

use super::store::configure;
use super::{Failure, run};
use crate::backup::{self, Origin};
use crate::config::{Lookup, StoreArgs, StoreConfig};
use crate::shutdown;

pub(super) const BACKUP_EXAMPLES: &str = "\
Examples:
  # a copy of the store, while the server runs
  vibetea-server backup /var/backups/vibetea-$(date +%F).db

  # what stands for its events, now in the store and in a copy of a SQLite store
  vibetea-server digest --database-url sqlite:/var/backups/vibetea-2026-02-03.db

The copy is of one moment, is checked, and is there under its name only when it is whole. Of a SQLite
store it is a SQLite database, of a PostgreSQL store one text file; 'restore' reads both. Prints
sha256:HEX events:N as 'digest' does. The server makes copies itself where VIBETEA_BACKUP_DIR is set.
Exit codes: 0 made, 1 failed, 2 wrong usage, 78 wrong configuration.";

pub(super) const RESTORE_EXAMPLES: &str = "\
Examples:
  # the server is stopped and its store is gone or empty
  vibetea-server restore /var/backups/vibetea-2026-02-03.db

  # what came since the copy was made, as far as the monitors' transcripts hold it
  vibetea-server ask-history

  # a copy of a SQLite store into PostgreSQL
  vibetea-server export --database-url sqlite:vibetea-2026-02-03.db | vibetea-server import -

The copy is checked before anything is written, and a store that holds something is refused. Prints
sha256:HEX events:N, which is what 'backup' printed.
Exit codes: 0 restored, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Which file, which store.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn backup(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let origin = origin(&configure(&options.store, lookup)?)?;
    if let Origin::Sqlite(path) = &origin
        && !path.exists()
    {
        return Err(Failure::Failed(format!("there is no database {}", path.display())));
    }
    let file = options.file.clone();
    run(async {
        let stop = CancellationToken::new();
        shutdown::on_signal(stop.clone()).map_err(Failure::of)?;
        let now = Clock::System.now();
        let made = tokio::task::spawn_blocking(move || backup::make(&origin, &file, now, &stop))
            .await
            .map_err(Failure::of)?
            .map_err(Failure::of)?;
        eprintln!("vibetea-server: {} bytes written", made.bytes);
        writeln!(io::stdout(), "{}", made.digest).map_err(Failure::of)
    })
}

pub(super) fn restore(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let origin = origin(&configure(&options.store, lookup)?)?;
    run(async {
        let digest = backup::restore(&options.file, &origin).await.map_err(Failure::of)?;
        writeln!(io::stdout(), "{digest}").map_err(Failure::of)
    })
}

fn origin(config: &StoreConfig) -> Result<Origin, Failure> {
    Origin::of(&config.database).ok_or_else(super::store::keeps_nothing)
}
