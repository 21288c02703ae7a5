//! The program `vibetea-monitor`.

use std::process::ExitCode;

use clap::Parser as _;
use vibetea_monitor::cli::Cli;
use vibetea_monitor::{commands, config};

fn main() -> ExitCode {
    commands::execute(&Cli::parse().command, &config::environment)
}
