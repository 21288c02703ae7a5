//! `vibetea-server enroll`: a code for one monitor, in the line to paste on its machine.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use std::io::Write as _;

use vibetea_protocol::{Clock, SourceId};

use super::access::open;
use super::store::{Missing, configure};
use super::{Failure, run};
use crate::config::{Lookup, PublicUrl, StoreArgs};
use crate::store::CODE_LIFETIME;

pub(super) const EXAMPLES: &str = "\
Examples:
  vibetea-server enroll laptop
  vibetea-server enroll laptop --url https://tea.example.org

Prints one line, to be pasted on the monitor's machine. Its code is good for 15 minutes and for one
key. The server need not run when it is made, nor start again when it is used. The address is --url,
else VIBETEA_PUBLIC_URL, else the one that the server listens on. A source that is registered gets
one more key; the others stay.
Exit codes: 0 printed, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Whom the code is for.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The name under which that monitor will send
    #[arg(value_name = "SOURCE")]
    source: SourceId,
    /// Address of this server as that machine reaches it, with the base path [env: VIBETEA_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn enroll(options: Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let Options { source, url, store } = options;
    let url = match url {
        Some(text) => PublicUrl::parse(&text)
            .ok_or_else(|| Failure::Misused(format!("--url is {text:?}; allowed: {}", PublicUrl::ALLOWED)))?,
        None => PublicUrl::load(&store, lookup).map_err(|error| Failure::Misconfigured(error.to_string()))?,
    };
    let config = configure(&store, lookup)?;
    run(async {
        let access = open(config.database, Missing::Make).await?;
        let made = access.create_code(source.clone(), CODE_LIFETIME, Clock::System.now()).await;
        access.close().await;
        writeln!(std::io::stdout(), "{}", url.line_for(&made?)).map_err(Failure::of)
    })?;
    let minutes = CODE_LIFETIME.as_secs() / 60;
    eprintln!("vibetea-server: paste that on the machine of '{source}' within {minutes} minutes");
    if url.is_loopback() {
        eprintln!(
            "vibetea-server: the address is this machine's own; for another machine name it with --url or \
             VIBETEA_PUBLIC_URL"
        );
    }
    if url.is_exposed() {
        eprintln!(
            "vibetea-server: without https the code can be read on its way, and used by whoever is faster"
        );
    }
    Ok(())
}
