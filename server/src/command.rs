//! The command line of the server, as a program of its own and as `vibetea server`.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::config::{Args, Config};
use crate::{app, shutdown, telemetry};

/// Exit code of a run-time error.
const FAILED: u8 = 1;
/// Exit code of a configuration that cannot be used.
const MISCONFIGURED: u8 = 78;

const EXAMPLES: &str = "\
Examples:
  # for a look, on this machine alone
  vibetea-server --unsafe-no-auth

  # for the monitors 'laptop' and 'desktop'; each key is the content of its key.pub
  export VIBETEA_PUBLIC_KEYS=laptop:BASE64KEY,desktop:BASE64KEY
  export VIBETEA_SUBSCRIBER_TOKEN_FILE=/etc/vibetea/token
  vibetea-server --host 0.0.0.0 --allowed-hosts tea.example.org

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
}

/// Does what the command line asks for; answers the exit code of the program.
pub fn execute(command: Command) -> ExitCode {
    let args = match command.action {
        Some(Action::Serve(args)) => args,
        None => command.args,
    };
    let config = match Config::from_process(&args) {
        Ok(config) => config,
        Err(error) => return fail(MISCONFIGURED, &error),
    };
    telemetry::start(&config.log);
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &error),
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        shutdown::on_signal(stop.clone())?;
        app::run(config, |_| {}, stop).await?;
        Ok(())
    })
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("vibetea-server: {error}");
    ExitCode::from(code)
}
