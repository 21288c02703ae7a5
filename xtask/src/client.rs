//! The dashboard: its packages, its checks, its tests and what the server takes into its program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Result, bail};

use crate::shell::{Step, root, target_dir};

const NODE: (u32, u32) = (20, 19);

/// Builds `client/dist` unless it is newer than everything it is made of.
pub(crate) fn build() -> Result<()> {
    require_node()?;
    install(&folder())?;
    let inputs = ["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts"];
    let newest = inputs.iter().filter_map(|input| newest(&folder().join(input))).max();
    if newest <= modified(&folder().join("dist/index.html")) {
        return Ok(());
    }
    npm(["run", "build"]).run()
}

/// As [`build`]; where Node is missing, says so and goes on: the server says it too.
pub(crate) fn build_if_possible() -> Result<()> {
    match require_node() {
        Ok(()) => build(),
        Err(missing) => {
            eprintln!("xtask: {missing:#}; the server is built without its dashboard");
            Ok(())
        }
    }
}

/// Types, style and unused code, then the unit tests.
pub(crate) fn test() -> Result<()> {
    npm(["run", "check"]).run()?;
    npm(["test"]).run()
}

/// The page in a real browser, against the built programs; says so and goes on where there is no browser, except in
/// the continuous integration, which is there to run everything.
pub(crate) fn browser_test() -> Result<()> {
    let chromium = root().join(variable("VIBETEA_CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned()));
    if !chromium.exists() {
        let missing = format!(
            "there is no Chromium at {}, so the page was not tested in a browser; install it \
             (Debian: `apt-get install chromium`) or name it in VIBETEA_CHROMIUM",
            chromium.display()
        );
        if variable("CI").is_some() {
            bail!("{missing}");
        }
        eprintln!("xtask: {missing}");
        return Ok(());
    }
    let program = target_dir()?.join("debug/vibetea");
    npm(["run", "e2e"]).env("VIBETEA_BIN", &program.to_string_lossy()).run()
}

/// A variable that says something.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a developer's tool, told by variables as its tests are")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn folder() -> PathBuf {
    root().join("client")
}

fn npm<const N: usize>(arguments: [&str; N]) -> Step {
    npm_in(&folder(), arguments)
}

/// npm, run in a folder.
pub(crate) fn npm_in<const N: usize>(folder: &Path, arguments: [&str; N]) -> Step {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(folder);
    Step::new(command)
}

/// Packages as the folder's lock file names them, once.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&folder.join("package-lock.json")) {
        return Ok(());
    }
    npm_in(folder, ["ci", "--no-audit", "--no-fund"]).run()
}

fn require_node() -> Result<()> {
    let (major, minor) = NODE;
    let output = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut numbers = said.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(found), Some(minor_found)) if (found, minor_found) >= NODE => Ok(()),
        (Some(_), _) => {
            bail!("Node {major}.{minor} or newer is needed for the dashboard, and this is {}", said.trim())
        }
        _ => bail!("Node {major}.{minor} or newer, with npm, is needed for the dashboard and was not found"),
    }
}

fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return modified(path);
    }
    let entries = fs::read_dir(path).ok()?.filter_map(Result::ok);
    entries.filter_map(|entry| newest(&entry.path())).max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
