//! The one entrance for people: `cargo xtask up | test | check | bench | soak | gen`.

mod generate;
mod shell;
mod tools;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::shell::cargo;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, starts, tests and measures VibeTea")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything for speed and start it: the arguments go to `vibetea up`
    Up {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run every check and every test; what the continuous integration runs
    Test,
    /// Run the checks that need no test: format, lints, licences and advisories of dependencies
    Check,
    /// Measure, side by side in one run: the arguments go to the bench binary (`--help` lists them)
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run the long forms: 200 kills while 50,000 lines are written, and thousands of requests made from the
    /// description of the API
    Soak,
    /// Write the generated files anew
    Gen,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Up { arguments } => up::up(&arguments),
        Task::Test => test(),
        Task::Check => check(),
        Task::Bench { arguments } => up::bench(&arguments),
        Task::Soak => soak(),
        Task::Gen => generate::write(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<()> {
    let start = Instant::now();
    tools::require_rust_components()?;
    tools::require_nextest()?;
    lint()?;
    // the whole-system tests start the programs themselves
    cargo(["build", "--workspace", "--bins", "--tests"])?;
    cargo(["test", "--workspace", "--doc", "--quiet"])?;
    cargo(["nextest", "run", "--workspace"])?;
    eprintln!("xtask: every check and test passed in {} s", start.elapsed().as_secs());
    Ok(())
}

fn check() -> Result<()> {
    tools::require_rust_components()?;
    lint()?;
    tools::check_dependencies()
}

fn lint() -> Result<()> {
    cargo(["fmt", "--all", "--check"])?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn soak() -> Result<()> {
    tools::require_nextest()?;
    cargo(["build", "--workspace", "--bins", "--tests"])?;
    let long_forms =
        ["nextest", "run", "--package", "vibetea-tests", "--profile", "soak", "crash::", "description::"];
    shell::cargo_command(long_forms).env("VIBETEA_SOAK", "1").run()
}
