//! `vibetea-server tokens`.

use std::io::Write as _;
use std::time::Duration;

use vibetea_protocol::api::ViewerTokens;
use vibetea_protocol::{Clock, SourceId};

use super::access::{configure, open, spread};
use super::store::Missing;
use super::table::{Table, moment_or, print, shown};
use super::{Failure, run};
use crate::access::viewer_tokens;
use crate::config::{Lookup, StoreArgs, read_span};
use crate::store::{AccessStore, IssuedToken, MOST_TOKEN_DAYS, NewToken};

pub(super) const EXAMPLES: &str = "\
Examples:
  vibetea-server tokens create --name 'wall screen'
  vibetea-server tokens create --name ada --source ada-laptop --source ada-desktop --expires 90d
  vibetea-server tokens create --name admin --admin > admin-token

  vibetea-server tokens list
  vibetea-server tokens list --json
  vibetea-server tokens rotate ada
  vibetea-server tokens revoke tok_3f8a1c02b7d4

They work while servers run, and return once every one of them knows. The token alone is printed on
standard output, this once; what is kept is its SHA-256. A token with --source shows these sources
and nothing else, not even that there are others. One with --admin opens the administration on the
page and below /api/v1/admin; it shows everything. A revoked or replaced token is refused from the
next request on, and sockets that it opened are closed. VIBETEA_SUBSCRIBER_TOKEN works beside them
and shows everything.
Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// What is to be done with tokens.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token to watch with
    #[command(after_help = EXAMPLES)]
    Create {
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        name: String,
        /// A source that it shows; without any it shows all
        #[arg(long, value_name = "SOURCE", conflicts_with = "admin")]
        source: Vec<SourceId>,
        /// It opens the administration, too
        #[arg(long)]
        admin: bool,
        /// After which time it ends, such as 90d, 12h or 30m; without it never
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<Duration>,
    },
    /// Print every token that was not revoked, without what it is recognised by
    #[command(after_help = EXAMPLES)]
    List {
        /// As JSON, in the words of GET /api/v1/admin/tokens
        #[arg(long)]
        json: bool,
    },
    /// End a token
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// Its id or name
        #[arg(value_name = "TOKEN")]
        token: String,
    },
    /// Put a new token in the place of one, which ends; the new one lives as long again
    #[command(after_help = EXAMPLES)]
    Rotate {
        /// Its id or name
        #[arg(value_name = "TOKEN")]
        token: String,
    },
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let longest = Duration::from_hours(24 * u64::from(MOST_TOKEN_DAYS));
    read_span(text)
        .filter(|span| !span.is_zero() && *span <= longest)
        .ok_or_else(|| format!("a time such as 90d, 12h or 30m, at most {MOST_TOKEN_DAYS}d"))
}

pub(super) fn tokens(options: Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let config = configure(&options.store, lookup)?;
    let missing = match options.action {
        Action::Create { .. } => Missing::Make,
        _ => Missing::Refuse,
    };
    run(async {
        let access = open(config.database, missing).await?;
        let outcome = act(&access, options.action).await;
        access.close().await;
        outcome
    })
}

async fn act(access: &AccessStore, action: Action) -> Result<(), Failure> {
    let now = Clock::System.now();
    match action {
        Action::List { json } => list(access, json).await,
        Action::Create { name, source, admin, expires } => {
            let sources = Some(source).filter(|sources| !sources.is_empty());
            let sources = sources.map(|sources| sources.into_iter().collect());
            let issued =
                access.create_token(NewToken { name, admin, sources, lifetime: expires }, now).await?;
            show(issued).await
        }
        Action::Rotate { token } => show(access.rotate_token(token, now).await?).await,
        Action::Revoke { token } => {
            let revoked = access.revoke_token(token, now).await?;
            spread().await;
            let (id, name) = (revoked.id, shown(&revoked.name));
            eprintln!("vibetea-server: the token {id} of '{name}' is revoked; every running server knows");
            Ok(())
        }
    }
}

/// The token to standard output, where a program can take it, and what there is to say of it elsewhere.
async fn show(issued: IssuedToken) -> Result<(), Failure> {
    spread().await;
    let entry = issued.entry;
    writeln!(std::io::stdout(), "{}", issued.token.expose()).map_err(Failure::of)?;
    let what = match (entry.admin, entry.sources.names()) {
        (true, _) => "opens the administration and shows all sources".to_owned(),
        (false, None) => "shows all sources".to_owned(),
        (false, Some(names)) => format!("shows {}", shown(&names.join(", "))),
    };
    let end = moment_or(entry.expires, "never");
    eprintln!(
        "vibetea-server: the token {} of '{}' {what}; it expires: {end}; it is shown this once",
        entry.id,
        shown(&entry.name)
    );
    Ok(())
}

async fn list(access: &AccessStore, json: bool) -> Result<(), Failure> {
    let listed = viewer_tokens(access.tokens().await.map_err(Failure::of)?);
    print(&listed, json, table)
}

fn table(listed: &ViewerTokens) -> String {
    let mut table = Table::new(["ID", "NAME", "SHOWS", "CREATED", "EXPIRES", "LAST USED"]);
    for token in &listed.tokens {
        let shows = match (&token.sources, token.admin) {
            (_, true) => "all, and the administration".to_owned(),
            (None, false) => "all".to_owned(),
            (Some(names), false) => names.join(", "),
        };
        table.row([
            token.id.clone(),
            token.name.clone(),
            shows,
            moment_or(Some(token.created), ""),
            moment_or(token.expires, "never"),
            moment_or(token.last_used, "never"),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_span_that_ends_within_ten_years() {
        assert_eq!(lifetime("30m"), Ok(Duration::from_mins(30)));
        assert_eq!(lifetime("3650d"), Ok(Duration::from_hours(24 * 3650)));
        for wrong in ["", "0d", "90", "3651d", "99999999999999999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
