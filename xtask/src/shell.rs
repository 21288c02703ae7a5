//! Runs other programs from the workspace's root and says which one failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds: the folder two above this program, `target` unless configured otherwise.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find where this program stands")?;
    own.ancestors().nth(2).map(Path::to_owned).context("this program stands outside of cargo's target folder")
}

/// Runs cargo with these arguments.
pub(crate) fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Result<()> {
    cargo_command(arguments).run()
}

/// A cargo command to be refined and run.
pub(crate) fn cargo_command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Step {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    Step(command)
}

/// One command, shown before it runs.
pub(crate) struct Step(Command);

impl Step {
    /// A command of any program.
    pub(crate) const fn new(command: Command) -> Self {
        Self(command)
    }

    /// Sets a variable for this command alone.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it; any exit code but 0 is an error that names the command.
    pub(crate) fn run(mut self) -> Result<()> {
        let shown = shown(&self.0);
        eprintln!("xtask: {shown}");
        let status = self.0.status().with_context(|| format!("cannot start `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}` failed ({status})");
        }
        Ok(())
    }

    /// Whether it can be started and succeeds; prints nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
