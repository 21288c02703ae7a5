//! Builds for speed and hands over to what was built.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::client;
use crate::shell::{cargo, root, target_dir};

/// Builds the dashboard and the three programs for speed.
pub(crate) fn build() -> Result<()> {
    client::build_if_possible()?;
    cargo(["build", "--release"])
}

/// Builds `vibetea` and becomes `vibetea up`, in the caller's folder, so that relative paths and signals mean
/// what they mean to the caller.
pub(crate) fn up(arguments: &[OsString]) -> Result<()> {
    client::build_if_possible()?;
    cargo(["build", "--release", "--package", "vibetea"])?;
    let mut command = Command::new(release_binary("vibetea")?);
    command.arg("up").args(arguments);
    become_program(command)
}

/// Builds the programs and the bench and becomes the bench.
pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    client::build_if_possible()?;
    cargo(["build", "--release", "--workspace", "--bins"])?;
    let mut command = Command::new(release_binary("bench")?);
    command.args(arguments).current_dir(root());
    become_program(command)
}

fn release_binary(name: &str) -> Result<std::path::PathBuf> {
    let path = target_dir()?.join("release").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    anyhow::ensure!(path.exists(), "the build left no program at {}", path.display());
    Ok(path)
}

#[cfg(unix)]
fn become_program(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", Path::new(command.get_program()).display()))
}

#[cfg(not(unix))]
fn become_program(mut command: Command) -> Result<()> {
    let shown = Path::new(command.get_program()).display().to_string();
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    std::process::exit(status.code().unwrap_or(1));
}
