//! VibeTea in one file: `vibetea up` for one machine, `vibetea server` and `vibetea monitor` for more.

mod secrets;
mod settings;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use vibetea_monitor::commands::Program;

const EXAMPLES: &str = "\
Examples:
  vibetea up                    server and monitor for this machine, and the page to watch them
  vibetea up --port 9000 --open
  vibetea server --help         the server alone, for the monitors of several machines
  vibetea monitor --help        the monitor alone, for a server elsewhere";

#[derive(Parser)]
#[command(name = "vibetea", version, about = "Watches AI coding agents at work, live and in history", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value, read once")]
enum Command {
    /// Run server and monitor for this machine, and print the address of the page that shows them
    Up(up::Options),
    /// Run the server alone
    Server(vibetea_server::command::Command),
    /// Run the monitor alone, make its keys, or ask how it is doing
    Monitor(vibetea_monitor::cli::Monitor),
}

fn main() -> ExitCode {
    vibetea_protocol::dumps::forbid("vibetea");
    match Cli::parse().command {
        Command::Up(options) => up::execute(&options),
        Command::Server(command) => vibetea_server::command::execute(command),
        Command::Monitor(monitor) => {
            let program = Program { arguments: &["monitor"], line: Cli::command };
            vibetea_monitor::commands::execute(&monitor, program, &vibetea_monitor::config::environment)
        }
    }
}
