//! `vibetea-server export` and `vibetea-server digest`.

use std::io::{self, BufWriter, Write as _};

use vibetea_protocol::{SourceId, Timestamp};

use super::store::{Missing, Opened, configure, open};
use super::{Failure, run};
use crate::config::{Lookup, StoreArgs};
use crate::transfer::{self, Selection};

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  # everything
  vibetea-server export > events.ndjson

  # February of one source
  vibetea-server export --from 2026-02-01T00:00:00Z --to 2026-03-01T00:00:00Z --source laptop

  # into another store
  vibetea-server export | vibetea-server import --database-url sqlite:copy.db -

One event per line, in order of time, then id: an object with id, source, timestamp, type and
payload. The text is the same whichever store the events come from.
A SQLite database can only be read while no server uses it.
Exit codes: 0 all written, 1 failed, 2 wrong usage, 78 wrong configuration.";

pub(super) const DIGEST_EXAMPLES: &str = "\
Examples:
  vibetea-server digest
  vibetea-server digest --to 2026-03-01T00:00:00Z --source laptop

Prints sha256:HEX events:N. HEX is the SHA-256 of what 'export' with the same options writes,
N its number of lines. Stores that hold the same events have the same digest, whatever their kind.
A SQLite database can only be read while no server uses it.
Exit codes: 0 printed, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Which events, of which store.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Events from this moment on, RFC 3339, such as 2026-02-03T14:30:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Events before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Events of this source alone
    #[arg(long, value_name = "SOURCE")]
    source: Option<SourceId>,
    #[command(flatten)]
    store: StoreArgs,
}

impl Options {
    fn selection(&self) -> Result<Selection, Failure> {
        let Self { from, to, source, .. } = self;
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(Failure::Misused(format!("--to {to} is before --from {from}")));
        }
        Ok(Selection { from: *from, to: *to, source: source.clone() })
    }
}

pub(super) fn export(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let selection = options.selection()?;
    let config = configure(&options.store, lookup)?;
    run(async {
        let Opened { store, .. } = open(config, Missing::Refuse).await?;
        let out = BufWriter::with_capacity(256 * 1024, io::stdout().lock());
        let written = transfer::export(&store, &selection, out).await;
        store.close().await;
        eprintln!("vibetea-server: {} events written", written.map_err(Failure::of)?);
        Ok(())
    })
}

pub(super) fn digest(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let selection = options.selection()?;
    let config = configure(&options.store, lookup)?;
    run(async {
        let Opened { store, .. } = open(config, Missing::Refuse).await?;
        let digest = transfer::digest(&store, &selection).await;
        store.close().await;
        writeln!(io::stdout(), "{}", digest.map_err(Failure::of)?).map_err(Failure::of)
    })
}
