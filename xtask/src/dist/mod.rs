//! `cargo xtask dist`: what a release consists of for this kind of machine, built, packed and tried.

mod elf;
mod sbom;
mod trial;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::client;
use crate::shell::{Step, cargo_command, root, target_dir};

const PROGRAMS: [&str; 3] = ["vibetea", "vibetea-server", "vibetea-monitor"];
/// What stands beside the programs in the archive.
const BESIDE: [&str; 5] = ["LICENSE", "README.md", "CHANGELOG.md", "deploy", "docs/OPERATIONS.md"];

/// Builds static programs, packs them with their bill of materials and checksums into `target/dist`, and tries what a
/// person would do with the outcome: verify, unpack, start, ask.
pub(crate) fn dist() -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "static programs are built on Linux");
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    require_target(&target)?;
    client::build()?;
    build(&target)?;
    let programs = target_dir()?.join(&target).join("release");
    for program in PROGRAMS {
        elf::check_static(&programs.join(program))?;
    }
    let folder = target_dir()?.join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let name = format!("vibetea-{}-{target}", env!("CARGO_PKG_VERSION"));
    pack(&programs, &folder, &name)?;
    fs::write(folder.join(format!("{name}.cdx.json")), sbom::of_the_programs(&target)?)?;
    let sums = checksums(&folder)?;
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    trial::install_and_run(&folder)?;
    eprintln!("xtask: made and tried, in {}:\n{sums}", folder.display());
    Ok(())
}

/// The standard library for the target, and a C compiler for SQLite and the cryptography.
fn require_target(target: &str) -> Result<()> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output()?;
    let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout)?.trim());
    if !sysroot.join("lib/rustlib").join(target).join("lib").is_dir() {
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", target]).current_dir(root());
        if Step::new(rustup).run().is_err() {
            bail!("Rust's standard library for {target} is missing and could not be had from rustup");
        }
    }
    let mut compiler = Command::new("musl-gcc");
    compiler.arg("--version");
    ensure!(
        Step::new(compiler).succeeds(),
        "musl-gcc is missing, which compiles SQLite for {target}; Debian and Ubuntu have it as `apt-get install musl-tools`"
    );
    Ok(())
}

fn build(target: &str) -> Result<()> {
    // the folders of this machine would otherwise stand in the programs' panic messages
    let mut flags = format!("--remap-path-prefix={}=vibetea", root().display());
    if let Some(cargo) = client::variable("CARGO_HOME").or_else(|| client::variable("HOME")) {
        write!(flags, "\u{1f}--remap-path-prefix={cargo}=home")?;
    }
    cargo_command(["build", "--release", "--locked", "--target", target])
        .env("CARGO_ENCODED_RUSTFLAGS", &flags)
        .run()
}

/// The archive: one folder of its own name, the same bytes from the same files whenever it is made.
fn pack(programs: &Path, folder: &Path, name: &str) -> Result<()> {
    let staged = folder.join(name);
    fs::create_dir_all(&staged).with_context(|| format!("cannot make {}", staged.display()))?;
    for program in PROGRAMS {
        fs::copy(programs.join(program), staged.join(program))?;
    }
    for beside in BESIDE {
        let mut copy = Command::new("cp");
        copy.args(["-R", "--"]).arg(root().join(beside)).arg(&staged);
        Step::new(copy).run()?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw,a-s"])
        .arg(format!("--mtime=@{}", commit_time()))
        // whoever tries the compose files has secrets there
        .args(["--exclude=secrets", "--use-compress-program=gzip -9n", "-cf"])
        .arg(folder.join(format!("{name}.tar.gz")))
        .arg("-C")
        .arg(folder)
        .arg(name);
    Step::new(tar).run()?;
    fs::remove_dir_all(&staged).with_context(|| format!("cannot remove {}", staged.display()))
}

/// Seconds since 1970 of the newest commit; 0 outside of a repository.
fn commit_time() -> u64 {
    let log = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output();
    let text = log.ok().and_then(|log| String::from_utf8(log.stdout).ok()).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// As `sha256sum` writes them, by name.
fn checksums(folder: &Path) -> Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name());
    }
    names.sort();
    let mut sums = String::new();
    for name in names {
        let bytes = fs::read(folder.join(&name))?;
        for byte in Sha256::digest(bytes) {
            write!(sums, "{byte:02x}")?;
        }
        writeln!(sums, "  {}", name.display())?;
    }
    Ok(sums)
}
