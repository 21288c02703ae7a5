//! The command line, for this program and for `vibetea monitor`.

use clap::{Args, Parser, Subcommand};

/// `vibetea-monitor …`
#[derive(Debug, Parser)]
#[command(
    name = "vibetea-monitor",
    version,
    about = "Follows the transcripts of AI coding agents and ships their safe metadata",
    arg_required_else_help = true,
    after_help = EXAMPLES,
    after_long_help = LONG_HELP
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the monitor can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the key pair that signs this monitor's events, and print how to register it
    Init(InitArgs),
    /// Follow the transcripts and ship their events until stopped
    #[command(after_help = ENVIRONMENT)]
    Run,
    /// Show what was read, what waits and how delivery goes
    Status(StatusArgs),
    /// Print the version
    Version,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Replace a key that is there; the server must then be told the new one
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  vibetea-monitor init                     make a key, print the line for the server
  VIBETEA_SERVER_URL=http://127.0.0.1:8080 vibetea-monitor run
  vibetea-monitor status

'vibetea-monitor --help' lists the environment variables.";

macro_rules! environment {
    () => {
        "\
Environment:
  VIBETEA_SERVER_URL                    server; events go to its /events (required for 'run')
  VIBETEA_SUPABASE_URL                  base of an ingest endpoint; every event also goes to its /ingest in batches
  VIBETEA_SUPABASE_BATCH_INTERVAL_SECS  seconds between batches, at least 1 [60]; 1000 waiting events go at once
  VIBETEA_SUPABASE_RETRY_LIMIT          attempts in a row before the next interval, 1 to 10 [3]
  VIBETEA_SOURCE_ID                     name the server knows this monitor by [host name]
  VIBETEA_KEY_PATH                      folder of key.priv and key.pub [~/.vibetea]
  VIBETEA_CLAUDE_DIR                    folder of the transcripts [CLAUDE_CONFIG_DIR, else ~/.claude]
  VIBETEA_STATE_DIR                     outbox and read positions [XDG_STATE_HOME/vibetea, else
                                        ~/.local/state/vibetea]
  VIBETEA_HISTORY                       what the first run reads of the past: all, off or days such as 30d [all]
  VIBETEA_SESSION_SILENCE_SECS          silence after which a session has ended [1800]
  VIBETEA_BUFFER_SIZE                   events held in memory per destination [1000]
  VIBETEA_BASENAME_ALLOWLIST            file extensions that may be named, such as rs,ts,md [all]
  VIBETEA_CONTEXT                       off names no file at all [on]
  VIBETEA_PROJECT_NAMES                 basename names a project as its folder, hash by a keyed hash, off not at all
                                        [basename]
  RUST_LOG                              log filter [info]

Exit status: 0 success, 1 run-time error, 2 usage, 78 configuration."
    };
}

const ENVIRONMENT: &str = environment!();

const LONG_HELP: &str = concat!(
    "\
Examples:
  vibetea-monitor init                     make a key, print the line for the server
  VIBETEA_SERVER_URL=http://127.0.0.1:8080 vibetea-monitor run
  vibetea-monitor status --json

",
    environment!()
);
