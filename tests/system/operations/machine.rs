//! A shell in a home folder of its own, with all that it starts.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vibetea_tests::wait::until;

/// Longest a block may take.
const DEADLINE: Duration = Duration::from_secs(90);

pub(super) struct Machine {
    home: PathBuf,
    shell: Child,
    blocks: u32,
}

impl Machine {
    /// A shell that ends with the first command that fails; `port` for the server that is started there.
    pub(super) fn start(home: &Path, port: Option<u16>) -> Self {
        let mut command = Command::new("bash");
        command
            .env_clear()
            .env("HOME", home)
            .env("USER", "newcomer")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(port.map(|port| ("PORT", port.to_string())))
            .current_dir(home)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut machine = Self { home: home.to_owned(), shell: command.spawn().unwrap(), blocks: 0 };
        machine.say("set -eu");
        machine
    }

    fn say(&mut self, line: &str) {
        writeln!(self.shell.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Runs a block to its end; answers what it said.
    pub(super) fn run(&mut self, block: &str) -> String {
        self.blocks += 1;
        let file = |what: &str| self.home.join(format!(".block-{}.{what}", self.blocks));
        let (script, out, done) = (file("sh"), file("out"), file("done"));
        std::fs::write(&script, block).unwrap();
        let line =
            format!(". {} > {} 2>&1 < /dev/null; : > {}", script.display(), out.display(), done.display());
        self.say(&line);
        let said = || std::fs::read_to_string(&out).unwrap_or_default();
        until(DEADLINE, &format!("the end of this block:\n{block}"), || {
            if let Some(status) = self.shell.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.home.join("vibetea.log")).unwrap_or_default();
                panic!("{status} in this block:\n{block}\nit said:\n{}\nits log:\n{log}", said());
            }
            done.exists().then_some(())
        });
        said()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // the shell leads a group of its own, in which is all that it started
        let group = format!("-{}", self.shell.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.shell.wait();
    }
}
