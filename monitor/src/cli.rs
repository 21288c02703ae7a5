//! The command line, for this program and for `vibetea monitor`.

mod joining;
mod records;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::config::Flags;

use joining::{ENROLL, ROTATE};
pub use joining::{EnrollArgs, RotateArgs};
use records::{AUDIT, QUARANTINE};
pub use records::{AuditArgs, AuditList, AuditTask, QuarantineTask};

/// `vibetea-monitor …`
#[derive(Debug, Parser)]
#[command(
    name = "vibetea-monitor",
    version,
    about = "Follows the transcripts of AI coding agents and ships their safe metadata"
)]
pub struct Cli {
    /// Everything behind the program's name.
    #[command(flatten)]
    pub monitor: Monitor,
}

/// What to do, and the settings to do it with.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = EXAMPLES,
    after_long_help = LONG_HELP
)]
pub struct Monitor {
    /// Settings that win over environment and file.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the monitor can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the key pair that signs this monitor's events, and print how to register it
    #[command(after_help = INIT)]
    Init(InitArgs),
    /// Join a server with the code that it gave: make the key, have it registered, write the settings
    #[command(after_help = ENROLL)]
    Enroll(EnrollArgs),
    /// Change the key that signs; the old one vouches for the new one, and nothing is lost
    #[command(after_help = ROTATE)]
    Rotate(RotateArgs),
    /// Print the very events that would leave this machine; needs no key and no server, and sends nothing
    #[command(after_help = PREVIEW)]
    Preview(PreviewArgs),
    /// Follow the transcripts and ship their events until stopped
    #[command(after_help = RUN)]
    Run,
    /// Show what is followed, what waits and how delivery goes
    #[command(after_help = STATUS)]
    Status(JsonArgs),
    /// Check everything that delivery depends on, and name the remedy for what is wrong
    #[command(after_help = DOCTOR)]
    Doctor(JsonArgs),
    /// Show what left this machine: every request with its hash, and its very bytes with --bodies
    #[command(after_help = AUDIT)]
    Audit(AuditArgs),
    /// Look at events that a server refused for what they are, put them back, or give them up
    #[command(subcommand, arg_required_else_help = true, after_help = QUARANTINE)]
    Quarantine(QuarantineTask),
    /// Show the settings
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Run in the background whenever you are logged in
    #[command(subcommand, arg_required_else_help = true)]
    Service(ServiceCommand),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS)]
    Completions(CompletionsArgs),
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

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// One transcript; without it every transcript there is
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Arguments of what can also answer as JSON.
#[derive(Debug, Args)]
pub struct JsonArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What can be done with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its value and where that stands, and what is wrong
    #[command(after_help = CONFIG)]
    Show(JsonArgs),
}

/// What can be done with the background service.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Write the service's file for systemd or launchd, and start it
    #[command(after_help = SERVICE)]
    Install(InstallArgs),
    /// Stop the service and remove its file
    #[command(after_help = SERVICE)]
    Uninstall(UninstallArgs),
}

/// Arguments of `service install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Print the file and do nothing
    #[arg(long)]
    pub print: bool,
    /// Replace a file that was edited by hand
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `service uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Remove a file that was edited by hand
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Whose language the script is in
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  vibetea-monitor preview | less           see what would leave, before anything does
  vibetea-monitor enroll https://tea.example.org --code 7K2M-9QXA
  vibetea-monitor init                     make a key, print the line for the server
  vibetea-monitor --server-url http://127.0.0.1:8080 run
  vibetea-monitor doctor                   find out why nothing arrives

'vibetea-monitor --help' lists the settings.";

const LONG_HELP: &str = "\
Examples:
  vibetea-monitor preview | less           see what would leave, before anything does
  vibetea-monitor enroll https://tea.example.org --code 7K2M-9QXA
  vibetea-monitor init                     make a key, print the line for the server
  vibetea-monitor --server-url http://127.0.0.1:8080 run
  vibetea-monitor doctor                   find out why nothing arrives
  vibetea-monitor service install          from now on in the background

Every setting is a flag, an environment variable, or a key of the configuration file, in
this order. The key is the flag's name with '_' for '-': --server-url is server_url = \"…\".

Standard output is data, standard error is talk.
Exit status: 0 success, 1 run-time error, 2 usage, 78 configuration.";

const INIT: &str = "\
Examples:
  vibetea-monitor init
  vibetea-monitor --source-id laptop init
  vibetea-monitor init --force             a new key, when the old one was lost or seen

The private key stays in key.priv, for its owner alone. Standard output is the line for the server.";

const PREVIEW: &str = "\
Examples:
  vibetea-monitor preview | less
  vibetea-monitor preview > events.ndjson
  vibetea-monitor preview ~/.claude/projects/-home-me-shop/0a1b….jsonl

Standard output is one event per line, byte for byte as it would stand in a request: with
'type' where it goes to /events, with 'eventType' where it goes to /ingest as history.
Standard error is a summary. Ids are made with the key of 'init', or with a throw-away key
where there is none. What a run has sent already is shown as well. In one file alone, the
results of calls that stand in other files have no call and are not shown.";

const RUN: &str = "\
Examples:
  vibetea-monitor --server-url https://tea.example.org run
  VIBETEA_SERVER_URL=https://tea.example.org vibetea-monitor run
  vibetea-monitor --config ~/tea.toml run

Runs until SIGINT or SIGTERM; what is not delivered by then is kept for the next run.";

const STATUS: &str = "\
Examples:
  vibetea-monitor status
  vibetea-monitor status --json | jq .live.waiting

Reads beside a running monitor and after it.";

const DOCTOR: &str = "\
Examples:
  vibetea-monitor doctor
  vibetea-monitor doctor --json | jq '.checks[] | select(.status == \"fail\")'

The server is asked with a signed request that holds no event and stores nothing. Each line
is pass, warn, fail or could not check. Exit status 1 if any fails.";

const CONFIG: &str = "\
Examples:
  vibetea-monitor config show
  vibetea-monitor --config ~/tea.toml config show
  vibetea-monitor config show --json | jq -r .settings.server_url.value

Exit status 78 if a setting is wrong.";

const SERVICE: &str = "\
Examples:
  vibetea-monitor service install --print  look at the file first
  vibetea-monitor service install
  vibetea-monitor service uninstall

The service reads the configuration file and not the variables of your shell. Write what
it needs into vibetea/monitor.toml in the configuration folder, such as
  server_url = \"https://tea.example.org\"";

const COMPLETIONS: &str = "\
Examples:
  vibetea-monitor completions bash > ~/.local/share/bash-completion/completions/vibetea-monitor
  vibetea-monitor completions zsh > ~/.zfunc/_vibetea-monitor
  vibetea-monitor completions fish > ~/.config/fish/completions/vibetea-monitor.fish";
