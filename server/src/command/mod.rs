//! The command line of the server, as a program of its own and as `vibetea server`.

mod access;
mod ask_history;
mod backup;
mod doctor;
mod enroll;
#[cfg(test)]
mod examples;
mod export;
mod healthcheck;
mod import;
mod ready;
mod sources;
mod store;
mod table;
mod tokens;

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::config::{Args, Config, environment};
use crate::{app, shutdown, telemetry};

/// Exit code of a run-time error.
const FAILED: u8 = 1;
/// Exit code of a wrong usage.
const MISUSED: u8 = 2;
/// Exit code of a configuration that cannot be used.
const MISCONFIGURED: u8 = 78;

const EXAMPLES: &str = "\
Examples:
  # for a look, on this machine alone
  vibetea-server --unsafe-no-auth

  # for monitors that join and people who watch, while it runs
  vibetea-server --host 0.0.0.0 --port 443 --tls-cert fullchain.pem --tls-key privkey.pem
  vibetea-server enroll laptop
  vibetea-server sources --help
  vibetea-server tokens create --name me

  # the same behind a proxy on this machine that speaks TLS
  vibetea-server --behind-proxy loopback --allowed-hosts tea.example.org

  # for the monitors 'laptop' and 'desktop'; each key is the content of its key.pub
  export VIBETEA_PUBLIC_KEYS=laptop:BASE64KEY,desktop:BASE64KEY
  export VIBETEA_SUBSCRIBER_TOKEN_FILE=/etc/vibetea/token
  vibetea-server

  # pass live events on and keep nothing
  VIBETEA_DATABASE_URL=none vibetea-server

Every setting is a flag, an environment variable, or a key of the configuration file, in this order;
a secret can also stand in a file that NAME_FILE names, such as VIBETEA_SUBSCRIBER_TOKEN_FILE.
Exit codes: 0 stopped, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Receives, keeps and broadcasts the events of VibeTea monitors.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    args: Args,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Run the server; this is also what happens without a subcommand
    #[command(after_help = EXAMPLES)]
    Serve(Args),
    /// Write the events of a range to standard output, one line of JSON each
    #[command(after_help = export::EXPORT_EXAMPLES)]
    Export(export::Options),
    /// Read events from such lines, or from the database of a hosted project, into this server's store
    #[command(after_help = import::EXAMPLES)]
    Import(import::Options),
    /// Print what stands for the events of a range: equal digests, equal events
    #[command(after_help = export::DIGEST_EXAMPLES)]
    Digest(export::Options),
    /// Print the line that lets one monitor join, with a code that is good once, for 15 minutes
    #[command(after_help = enroll::EXAMPLES)]
    Enroll(enroll::Options),
    /// List, add, rename and revoke the sources that may send
    #[command(after_help = sources::EXAMPLES)]
    Sources(sources::Options),
    /// Make, list, revoke and replace the tokens of those who watch
    #[command(after_help = tokens::EXAMPLES)]
    Tokens(tokens::Options),
    /// Copy the store into a file, also while the server runs
    #[command(after_help = backup::BACKUP_EXAMPLES)]
    Backup(backup::Options),
    /// Make an empty store from such a copy
    #[command(after_help = backup::RESTORE_EXAMPLES)]
    Restore(backup::Options),
    /// Have monitors send again what their transcripts still hold, after a store was lost
    #[command(after_help = ask_history::EXAMPLES)]
    AskHistory(ask_history::Options),
    /// Look at everything that the server depends on
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Options),
    /// Ask a server whether it is ready, and tell by the exit code
    #[command(after_help = healthcheck::EXAMPLES)]
    Healthcheck(healthcheck::Options),
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failure {
    Misused(String),
    Misconfigured(String),
    Failed(String),
}

impl Failure {
    fn of(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does what the command line asks for; answers the exit code of the program.
pub fn execute(command: Command) -> ExitCode {
    let outcome = match command.action {
        None => serve(&command.args),
        Some(Action::Serve(args)) => serve(&args),
        Some(Action::Export(options)) => export::export(&options, &environment),
        Some(Action::Import(options)) => import::import(&options, &environment),
        Some(Action::Digest(options)) => export::digest(&options, &environment),
        Some(Action::Enroll(options)) => enroll::enroll(options, &environment),
        Some(Action::Sources(options)) => sources::sources(options, &environment),
        Some(Action::Tokens(options)) => tokens::tokens(options, &environment),
        Some(Action::Backup(options)) => backup::backup(&options, &environment),
        Some(Action::Restore(options)) => backup::restore(&options, &environment),
        Some(Action::AskHistory(options)) => ask_history::ask_history(&options, &environment),
        Some(Action::Doctor(options)) => return doctor::doctor(&options, &environment),
        Some(Action::Healthcheck(options)) => healthcheck::healthcheck(&options, &environment),
    };
    let (code, error) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Misused(error)) => (MISUSED, error),
        Err(Failure::Misconfigured(error)) => (MISCONFIGURED, error),
        Err(Failure::Failed(error)) => (FAILED, error),
    };
    eprintln!("vibetea-server: {error}");
    ExitCode::from(code)
}

fn serve(args: &Args) -> Result<(), Failure> {
    let config = Config::from_process(args).map_err(|error| Failure::Misconfigured(error.to_string()))?;
    telemetry::start(&config.log);
    run(async {
        let stop = CancellationToken::new();
        shutdown::on_signal(stop.clone()).map_err(Failure::of)?;
        app::run(config, |_| {}, stop).await.map_err(Failure::of)
    })
}

fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::of)?.block_on(work)
}
