//! `vibetea-server backup` and `vibetea-server restore`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::Clock;

use super::store::{Missing, configure, refuse_missing};
use super::table::shown;
use super::{Failure, run};
use crate::backup::{self, Origin, Restored};
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
sha256:HEX events:N, which is what 'backup' printed. Tokens and keys come back as they were, so what
was revoked after the copy was made is good again: revoke it once more before the server starts.
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
    if let Origin::Sqlite(path) = &origin {
        refuse_missing(path, Missing::Refuse)?;
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
        let restored = backup::restore(&options.file, &origin).await.map_err(Failure::of)?;
        if let Some(warning) = good_again(&restored) {
            eprintln!("vibetea-server: {warning}");
        }
        writeln!(io::stdout(), "{}", restored.digest).map_err(Failure::of)
    })
}

/// What has to be revoked once more may be among these.
fn good_again(restored: &Restored) -> Option<String> {
    let kinds = [("tokens", &restored.tokens), ("sources", &restored.sources)];
    let named = kinds.iter().filter(|(_, names)| !names.is_empty());
    let named: Vec<String> = named.map(|(kind, names)| format!("the {kind} {}", some(names))).collect();
    (!named.is_empty()).then(|| {
        format!(
            "this store admits {}, as it did when the copy was made: what was revoked after that is good again; before \
             the server starts, end it with `vibetea-server tokens revoke` and `vibetea-server sources revoke`",
            named.join(" and ")
        )
    })
}

/// As many names as somebody reads.
fn some(names: &[String]) -> String {
    const MOST: usize = 20;
    let first: Vec<String> = names.iter().take(MOST).map(|name| format!("'{}'", shown(name))).collect();
    let rest = names.len().saturating_sub(MOST);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    first.join(", ") + &more
}

fn origin(config: &StoreConfig) -> Result<Origin, Failure> {
    Origin::of(&config.database).ok_or_else(super::store::keeps_nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Digest;

    #[test]
    fn what_is_good_again_is_named_and_nothing_is_said_of_nobody() {
        let named = |tokens: usize, sources: &[&str]| {
            let tokens = (0..tokens).map(|number| format!("t{number}")).collect();
            let sources = sources.iter().map(|source| (*source).to_owned()).collect();
            good_again(&Restored { digest: Digest { sha256: [0; 32], events: 0 }, tokens, sources })
        };
        assert_eq!(named(0, &[]), None);
        let told = named(1, &["a\u{202e}b"]).unwrap();
        assert!(told.contains("the tokens 't0' and the sources 'a\\u{202e}b', as"), "{told}");
        let told = named(23, &[]).unwrap();
        assert!(told.contains("'t19' and 3 more, as") && !told.contains("sources 'a"), "{told}");
    }
}
