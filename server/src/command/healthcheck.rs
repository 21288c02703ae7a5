//! `vibetea-server healthcheck`.

use std::time::Duration;

use url::Url;

use super::Failure;
use super::ready::{Answer, Target};
use crate::config::{Args, Config, Lookup};

pub(super) const EXAMPLES: &str = "\
Examples:
  # the server of this configuration
  vibetea-server healthcheck

  # another one
  vibetea-server healthcheck --url http://127.0.0.1:8080/tea

Asks /readyz: healthy is a server that answers and whose store can be written. A server with a
certificate of its own is asked through TLS and has to show that very certificate.
Exit codes: 0 healthy, 1 not, 2 wrong usage, 78 wrong configuration.";

/// Which server, and how long to wait for it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Address of the server; without it the one of this configuration
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Most seconds to wait
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=300))]
    timeout: u16,
    #[command(flatten)]
    args: Args,
}

pub(super) fn healthcheck(options: &Options, lookup: Lookup<'_>) -> Result<(), Failure> {
    let target = match &options.url {
        Some(url) => Target::named(url)?,
        None => Target::configured(
            &Config::load(&options.args, lookup)
                .map_err(|error| Failure::Misconfigured(error.to_string()))?,
        ),
    };
    let answer = target
        .ask(Duration::from_secs(options.timeout.into()))
        .map_err(|error| Failure::Failed(format!("no answer from {}: {error}", target.address)))?;
    Err(Failure::Failed(match answer {
        Answer::Ready => return Ok(()),
        Answer::Unready(reasons) => format!("the server is not ready: {reasons}"),
        Answer::Status(status) => format!("what answers there answers {status}, not as a server of VibeTea"),
        Answer::Foreign => "what answers there is no server of VibeTea".to_owned(),
    }))
}
