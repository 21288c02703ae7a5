//! `vibetea-server import`.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use vibetea_protocol::Clock;

use super::store::{Missing, Opened, configure, open};
use super::{Failure, run};
use crate::config::{Lookup, StoreArgs, holds_password};
use crate::transfer::{HostedSource, LinesSource, Progress, import_hosted, import_lines};

const URL: &str = "VIBETEA_IMPORT_FROM";
const URL_FILE: &str = "VIBETEA_IMPORT_FROM_FILE";

pub(super) const EXAMPLES: &str = "\
Examples:
  vibetea-server import events.ndjson
  zcat events.ndjson.gz | vibetea-server import -

  # from a hosted project; a role that may SELECT from public.events is enough
  export PGPASSWORD=...
  vibetea-server import --from 'postgres://reader@db.example.org/postgres?sslmode=require'
  vibetea-server import --from-file /run/secrets/hosted-url

Lines are those of 'export': objects with id, source, timestamp, type (or eventType) and
payload. The first line that is no event ends the import and is named; what stands before it
is stored. Events that are there already are passed over, so a second run is safe.
An import with --from that was cut off goes on where it stopped; its place stands in
import-*.json in the directory of the database until it is whole. A URL with a password is
given by --from-file or VIBETEA_IMPORT_FROM: everybody on the machine can read a command line.
Exit codes: 0 all imported, 1 failed or some events refused, 2 wrong usage, 78 wrong configuration.";

/// From where, into which store.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// File with events, one line of JSON each; - or none for standard input
    #[arg(value_name = "FILE", group = "origin")]
    file: Option<PathBuf>,
    /// PostgreSQL URL of a hosted project, whose table public.events is read [env: VIBETEA_IMPORT_FROM]
    #[arg(long, value_name = "URL", group = "origin")]
    from: Option<String>,
    /// File that holds such a URL [env: VIBETEA_IMPORT_FROM_FILE]
    #[arg(long, value_name = "FILE", group = "origin")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

enum Origin {
    Lines(LinesSource),
    Hosted(Box<HostedSource>),
}

impl Options {
    /// What the command line names, else what the environment names, else standard input.
    fn origin(&self, lookup: Lookup<'_>) -> Result<Origin, Failure> {
        if let Some(file) = &self.file {
            return lines(file);
        }
        if let Some(url) = &self.from {
            if holds_password(url) {
                return Err(Failure::Misconfigured(format!(
                    "--from holds a password, and everybody on this machine can read a command line; allowed: the URL \
                     without it; with it in {URL}, or in a file that --from-file or {URL_FILE} names"
                )));
            }
            return hosted("--from", url);
        }
        if let Some(path) = &self.from_file {
            return hosted("--from-file", &read_url("--from-file", path)?);
        }
        let set = |name| lookup(name).filter(|value| !value.trim().is_empty());
        match (set(URL), set(URL_FILE)) {
            (Some(_), Some(_)) => Err(Failure::Misconfigured(format!(
                "{URL} is set and {URL_FILE} as well; allowed: one of the two"
            ))),
            (Some(url), None) => hosted(URL, &url),
            (None, Some(path)) => hosted(URL_FILE, &read_url(URL_FILE, Path::new(&path))?),
            (None, None) if io::stdin().is_terminal() => Err(Failure::Misused(
                "nothing to import: name a file, - for standard input, or --from with the URL of a hosted project"
                    .to_owned(),
            )),
            (None, None) => Ok(Origin::Lines(LinesSource::stdin())),
        }
    }
}

fn lines(file: &Path) -> Result<Origin, Failure> {
    if file == Path::new("-") {
        return Ok(Origin::Lines(LinesSource::stdin()));
    }
    LinesSource::open(file).map(Origin::Lines).map_err(Failure::of)
}

fn hosted(name: &str, url: &str) -> Result<Origin, Failure> {
    url.trim().parse().map(|source| Origin::Hosted(Box::new(source))).map_err(|error| {
        Failure::Misconfigured(format!(
            "{name} holds a URL that cannot be used: {error}; allowed: postgres://user@host:port/database"
        ))
    })
}

fn read_url(name: &str, path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::Misconfigured(format!("{name} names {}, which cannot be read: {error}", path.display()))
    })
}

pub(super) fn import(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let config = configure(&options.store, lookup)?;
    let origin = options.origin(lookup)?;
    run(async {
        let opened = open(config, Missing::Make).await?;
        let outcome = match origin {
            Origin::Lines(source) => from_lines(&opened, source).await,
            Origin::Hosted(source) => from_hosted(&opened, &source).await,
        };
        opened.store.close().await;
        outcome
    })
}

async fn from_lines(opened: &Opened, source: LinesSource) -> Result<(), Failure> {
    let mut progress = Progress::of_bytes(source.bytes());
    let outcome = import_lines(&opened.store, source, &mut progress).await;
    drop(progress);
    eprintln!("vibetea-server: {}", outcome.map_err(Failure::of)?);
    Ok(())
}

async fn from_hosted(opened: &Opened, source: &HostedSource) -> Result<(), Failure> {
    let Some(folder) = &opened.folder else {
        return Err(Failure::Misconfigured(
            "VIBETEA_DATA_DIR is not set, and neither is HOME; allowed: the directory for the import's place"
                .to_owned(),
        ));
    };
    let outcome = import_hosted(&opened.store, source, folder, &opened.name, &Clock::System)
        .await
        .map_err(Failure::of)?;
    if outcome.may_be_partial {
        tracing::warn!("row level security is on for this role: rows that it may not see were not read");
    }
    let earlier = outcome
        .resumed
        .map_or_else(String::new, |events| format!(", {events} of them by an earlier run that was cut off"));
    eprint!("{}", outcome.refused);
    eprintln!("vibetea-server: {}{earlier}", outcome.tally);
    if outcome.refused.count() > 0 {
        return Err(Failure::Failed(format!(
            "{} of the rows are no valid events and were not imported",
            outcome.refused.count()
        )));
    }
    Ok(())
}
