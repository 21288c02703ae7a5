//! One file per subcommand; standard output is data, standard error is talk.

mod init;
mod run;
mod status;
mod version;

use std::process::ExitCode;

use crate::cli::Command;
use crate::config::{ConfigError, Lookup};
use crate::keys::KeyError;
use crate::run::RunError;

/// Exit status for what a person has to set up differently, as `sysexits.h` has it.
const EXIT_CONFIG: u8 = 78;

/// Carries a command out; an error is said on standard error and becomes the exit status.
pub fn execute(command: &Command, lookup: Lookup<'_>) -> ExitCode {
    let done = match command {
        Command::Init(args) => init::execute(args, lookup),
        Command::Run => run::execute(lookup),
        Command::Status(args) => status::execute(args, lookup),
        Command::Version => version::execute(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
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
        || matches!(key, Some(KeyError::Missing(_) | KeyError::Exposed { .. } | KeyError::Length(_)))
}
