//! The one entrance for people: `cargo xtask up | build | dist | test | browser | check | bench | soak | mutants | gen`.

mod client;
mod dist;
mod fuzz;
mod generate;
mod hosted;
mod mutants;
mod privacy;
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
    /// Build the dashboard and the programs for speed, into target/release
    Build,
    /// Build what a release consists of for this kind of machine into target/dist: static programs, checksums, a bill of
    /// materials; and try it
    Dist,
    /// Run every check and every test; what the continuous integration runs
    Test,
    /// Test the page in a real browser, against the built programs
    Browser,
    /// Run the checks that need no test: format, lints, licences and advisories of dependencies
    Check,
    /// Measure, side by side in one run: the arguments go to the bench binary (`--help` lists them)
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run the long forms: kills, power cuts, failing calls and cut connections by the hundred, kills while 2 GiB of
    /// history are read, 20,000 random sequences of what can happen to files, 10,000 pairs of transcripts that must
    /// look alike, 10,000 windows of hourly counts in either store, thousands of requests made from the description of
    /// the API, thousands of peers that are slow, mute or dead, and two minutes of damaged input for every parser of
    /// outside bytes
    Soak,
    /// Break the code that keeps texts in, one place at a time: some test must notice each (takes half an hour)
    Mutants,
    /// Write the generated files anew
    Gen,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Up { arguments } => up::up(&arguments),
        Task::Build => up::build(),
        Task::Dist => dist::dist(),
        Task::Test => test(),
        Task::Browser => browser(),
        Task::Check => check(),
        Task::Bench { arguments } => up::bench(&arguments),
        Task::Soak => soak(),
        Task::Mutants => mutants::run(),
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
    client::build()?;
    client::test()?;
    hosted::test()?;
    lint()?;
    // the whole-system tests start the programs themselves
    cargo(["build", "--workspace", "--bins", "--tests"])?;
    cargo(["test", "--workspace", "--doc", "--quiet"])?;
    client::browser_test()?;
    cargo(["nextest", "run", "--workspace"])?;
    eprintln!("xtask: every check and test passed in {} s", start.elapsed().as_secs());
    Ok(())
}

fn browser() -> Result<()> {
    client::build()?;
    cargo(["build", "--package", "vibetea"])?;
    client::browser_test()
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
    let long_forms = [
        "crash::",
        "postgres::",
        "power::",
        "tail::model::",
        "outbox::",
        "sender::tests::faults",
        "canaries::",
        "description::",
        "exposure::",
        "fuzz::",
        "upkeep::",
        "preview::memory",
        "homes::",
    ];
    let long_forms = long_forms.map(|name| format!("test({name})")).join(" | ");
    // on PostgreSQL every random test of the store has one, in a file only that of the windows
    let filter = format!(
        "((package(vibetea-tests) | package(vibetea-monitor)) & ({long_forms}))
        | (package(vibetea-server) & (binary(store_postgres) | (binary(store) & test(/^hourly::/))))"
    );
    shell::cargo_command(["nextest", "run", "--workspace", "--profile", "soak", "-E", &filter])
        .env("VIBETEA_SOAK", "1")
        .run()?;
    fuzz::run()
}
