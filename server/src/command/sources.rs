//! `vibetea-server sources`.

use vibetea_protocol::api::{RegisteredKey, RegisteredSource, RegisteredSources};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{Clock, SourceId};

use super::access::{changeable, configure, open, spread};
use super::store::Missing;
use super::table::{Table, moment_or, print};
use super::{Failure, run};
use crate::access::registered_sources;
use crate::auth::Keys;
use crate::config::{Lookup, StoreArgs, StoreConfig};
use crate::store::{AccessStore, StoreError};

pub(super) const EXAMPLES: &str = "\
Examples:
  vibetea-server sources list
  vibetea-server sources list --json

  # what 'vibetea-monitor init' printed on that machine
  vibetea-server sources add laptop 6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=

  # the monitor then has to send under the new name, too
  vibetea-server sources rename laptop old-laptop
  vibetea-server sources revoke laptop

They work while servers run, and return once every one of them knows; no server is started again.
A source has up to four keys at a time. A revoked source is refused from its next request on; its
events stay. A renamed source sends under its new name alone; its events keep the old one, and a
token that shows the old name shows the new one besides. Sources of VIBETEA_PUBLIC_KEYS are listed
as 'configured' and are changed there alone.
Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// What is to be done with sources.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print every source with its keys and when it was last seen
    #[command(after_help = EXAMPLES)]
    List {
        /// As JSON, in the words of GET /api/v1/admin/sources
        #[arg(long)]
        json: bool,
    },
    /// Let a source send with this key, beside those it has
    #[command(after_help = EXAMPLES)]
    Add {
        /// The name under which it sends
        #[arg(value_name = "NAME")]
        name: SourceId,
        /// Its public key in base64
        #[arg(value_name = "KEY", value_parser = PublicKey::from_base64)]
        key: PublicKey,
    },
    /// Give a source another name for what it sends from now on
    #[command(after_help = EXAMPLES)]
    Rename {
        /// The name it has
        #[arg(value_name = "OLD")]
        old: SourceId,
        /// The name it gets
        #[arg(value_name = "NEW")]
        new: SourceId,
    },
    /// Take nothing more from a source
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// Its name
        #[arg(value_name = "NAME")]
        name: SourceId,
    },
}

pub(super) fn sources(options: Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let StoreConfig { database, configured, .. } = configure(&options.store, lookup)?;
    let missing = match options.action {
        Action::Add { .. } => Missing::Make,
        _ => Missing::Refuse,
    };
    run(async {
        let access = open(database, missing).await?;
        let outcome = act(&access, options.action, &configured).await;
        access.close().await;
        outcome
    })
}

async fn act(access: &AccessStore, action: Action, configured: &Keys) -> Result<(), Failure> {
    let now = Clock::System.now();
    let done = match action {
        Action::List { json } => return list(access, configured, json).await,
        Action::Add { name, key } => {
            access.add_key(name.clone(), key, now).await?;
            format!("the source '{name}' may send with this key")
        }
        Action::Rename { old, new } => {
            changeable(&old, configured)?;
            changeable(&new, configured)?;
            access.rename_source(old.clone(), new.clone()).await?;
            format!("the source '{old}' sends as '{new}' from now on")
        }
        Action::Revoke { name } => {
            changeable(&name, configured)?;
            access.revoke_source(name.as_str().to_owned(), now).await?;
            format!("nothing more is taken from the source '{name}'")
        }
    };
    spread().await;
    eprintln!("vibetea-server: {done}; every running server knows");
    Ok(())
}

async fn list(access: &AccessStore, configured: &Keys, json: bool) -> Result<(), Failure> {
    let read = async { Ok::<_, StoreError>((access.sources().await?, access.activity().await?)) };
    let (stored, activity) = read.await.map_err(Failure::of)?;
    let listed = registered_sources(configured, stored, activity, Clock::System.now());
    print(&listed, json, table)
}

fn table(listed: &RegisteredSources) -> String {
    let mut table = Table::new(["NAME", "STATE", "KEYS", "LAST SEEN", "LAST EVENT", "VERSION"]);
    for source in &listed.sources {
        let keys: Vec<String> = source.keys.iter().map(shown).collect();
        table.row([
            source.name.clone(),
            state(source),
            keys.join(" "),
            moment_or(source.last_seen, "never"),
            moment_or(source.last_event, "-"),
            source.version.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.to_string()
}

/// A fingerprint; of a key that was replaced, until when it is taken.
fn shown(key: &RegisteredKey) -> String {
    match key.expires {
        Some(expires) => format!("{} (until {})", key.fingerprint, moment_or(Some(expires), "")),
        None => key.fingerprint.clone(),
    }
}

fn state(source: &RegisteredSource) -> String {
    match source.revoked {
        Some(revoked) => format!("revoked {}", moment_or(Some(revoked), "")),
        None if source.configured => "configured".to_owned(),
        None => "registered".to_owned(),
    }
}
