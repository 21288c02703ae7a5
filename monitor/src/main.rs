//! The program `vibetea-monitor`.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use vibetea_monitor::cli::Cli;
use vibetea_monitor::commands::{self, Program};
use vibetea_monitor::config;

fn main() -> ExitCode {
    vibetea_protocol::dumps::forbid("vibetea-monitor");
    let program = Program { arguments: &[], line: Cli::command };
    commands::execute(&Cli::parse().monitor, program, &config::environment)
}
