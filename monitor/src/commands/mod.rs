//! One file per subcommand; standard output is data, standard error is talk.

mod audit;
mod completions;
mod config;
mod doctor;
mod enroll;
mod init;
mod output;
mod preview;
mod quarantine;
mod refused;
mod rotate;
mod run;
mod service;
mod status;
mod text;
mod version;

use std::process::ExitCode;

use crate::cli::{Command, ConfigCommand, Monitor, ServiceCommand};
use crate::config::{ConfigError, Lookup};
use crate::keys::KeyError;
use crate::run::RunError;
use output::say;

/// Exit status for what a person has to set up differently, as `sysexits.h` has it.
const EXIT_CONFIG: u8 = 78;

/// The program that the command line belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What stands between the program's name and what is parsed here.
    pub arguments: &'static [&'static str],
    /// The whole command line.
    pub line: fn() -> clap::Command,
}

/// Carries a command out; an error is said on standard error and becomes the exit status.
pub fn execute(monitor: &Monitor, program: Program, environment: Lookup<'_>) -> ExitCode {
    let lookup: Lookup<'_> = &|name| monitor.flags.get(name).or_else(|| environment(name));
    let done = match &monitor.command {
        Command::Init(args) => init::execute(args, lookup),
        Command::Enroll(args) => enroll::execute(args, program, lookup),
        Command::Rotate(args) => rotate::execute(args, lookup),
        Command::Preview(args) => preview::execute(args, lookup),
        Command::Run => run::execute(lookup),
        Command::Status(args) => status::execute(args, lookup),
        Command::Doctor(args) => return exit(doctor::execute(args, lookup)),
        Command::Audit(args) => audit::execute(args, lookup),
        Command::Quarantine(task) => quarantine::execute(task, lookup),
        Command::Config(ConfigCommand::Show(args)) => config::show(args, lookup),
        Command::Service(ServiceCommand::Install(args)) => service::install(args, program, lookup),
        Command::Service(ServiceCommand::Uninstall(args)) => service::uninstall(args, lookup),
        Command::Completions(args) => completions::execute(args, program),
        Command::Version => version::execute(),
    };
    exit(done.map(|()| ExitCode::SUCCESS))
}

fn exit(done: anyhow::Result<ExitCode>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::from(if is_configuration(&error) { EXIT_CONFIG } else { 1 })
        }
    }
}

/// Whether starting again is useless until something is set up.
fn is_configuration(error: &anyhow::Error) -> bool {
    let key = error.downcast_ref::<KeyError>().or(match error.downcast_ref::<RunError>() {
        Some(RunError::Key(error)) => Some(error),
        _ => None,
    });
    error.is::<ConfigError>()
        || matches!(
            key,
            Some(KeyError::Missing(_) | KeyError::Exposed { .. } | KeyError::Length(_) | KeyError::Names(_))
        )
}
