//! The program `vibetea-server`.

use std::process::ExitCode;

use clap::Parser;

/// Receives, keeps and broadcasts the events of VibeTea monitors
#[derive(Parser)]
#[command(name = "vibetea-server", version, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(flatten)]
    command: vibetea_server::command::Command,
}

fn main() -> ExitCode {
    vibetea_protocol::dumps::forbid("vibetea-server");
    vibetea_server::command::execute(Program::parse().command)
}
