//! Looks for the programs the tasks need, and installs the one that does not come with Rust.

use anyhow::{Result, bail};

use crate::shell::{cargo, cargo_command};

/// rustfmt and clippy come with the pinned toolchain where rustup is used.
pub(crate) fn require_rust_components() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !cargo_command([subcommand, "--version"]).succeeds() {
            bail!("`cargo {subcommand}` is missing; install it with `rustup component add {component}`");
        }
    }
    Ok(())
}

/// cargo-nextest runs the tests, each in a process of its own.
pub(crate) fn require_nextest() -> Result<()> {
    if cargo_command(["nextest", "--version"]).succeeds() {
        return Ok(());
    }
    eprintln!("xtask: cargo-nextest is missing and is installed now, once");
    if cargo(["install", "cargo-nextest", "--locked"]).is_err() {
        bail!("cargo-nextest could not be installed; see https://nexte.st/docs/installation for other ways");
    }
    Ok(())
}

/// cargo-mutants breaks code on purpose.
pub(crate) fn require_mutants() -> Result<()> {
    if cargo_command(["mutants", "--version"]).succeeds() {
        return Ok(());
    }
    eprintln!("xtask: cargo-mutants is missing and is installed now, once");
    if cargo(["install", "cargo-mutants", "--locked"]).is_err() {
        bail!(
            "cargo-mutants could not be installed; see https://mutants.rs/installation.html for other ways"
        );
    }
    Ok(())
}

/// Licences, bans and sources need no network once the dependencies are here; advisories do.
pub(crate) fn check_dependencies() -> Result<()> {
    if !cargo_command(["deny", "--version"]).succeeds() {
        eprintln!(
            "xtask: cargo-deny is missing, so dependencies were not checked; install it with \
             `cargo install cargo-deny --locked`"
        );
        return Ok(());
    }
    cargo(["deny", "check", "licenses", "bans", "sources"])?;
    if !cargo_command(["deny", "fetch", "db"]).succeeds() {
        eprintln!("xtask: the advisory database is out of reach, so advisories were not checked");
        return Ok(());
    }
    cargo(["deny", "check", "--disable-fetch", "advisories"])
}
