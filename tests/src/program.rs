//! The real programs, started from cargo's target folder, watched, and killed by their id alone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

pub use vibetea_testkit::port::{free_port, loopback};

use crate::wait::until;

/// Where a program of this workspace stands: beside the test executable, or one above it.
pub fn path_of(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the test executable has a path");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("`{name}` is not built; run `cargo build --workspace --bins` first"))
}

/// A program in a process of its own; it is killed when this value goes.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Program {
    /// Starts it with these arguments and nothing in its environment but `environment`; what it says goes to
    /// files in `logs`, which are written anew.
    pub fn start<'a, A: AsRef<OsStr>>(
        name: &str,
        arguments: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (&'a str, String)>,
        logs: &Path,
    ) -> Self {
        Self::start_under(&[], name, arguments, environment, logs)
    }

    /// As [`Program::start`], as the last words of another command line, which becomes the program in the end.
    pub fn start_under<'a, A: AsRef<OsStr>>(
        wrapper: &[&str],
        name: &str,
        arguments: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (&'a str, String)>,
        logs: &Path,
    ) -> Self {
        let stdout = logs.join(format!("{name}.out"));
        let stderr = logs.join(format!("{name}.err"));
        let create = |path: &Path| File::create(path).expect("a log file can be made");
        let mut command = wrapper.split_first().map_or_else(
            || Command::new(path_of(name)),
            |(first, rest)| {
                let mut command = Command::new(first);
                command.args(rest).arg(path_of(name));
                command
            },
        );
        let child = command
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(logs)
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .expect("a built program starts");
        Self { child, stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// `kill -9`: it gets no chance to do anything.
    pub fn kill(&mut self) {
        // an error says that it has ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().expect("`kill` exists");
        assert!(status.success(), "process {id} could not be signalled");
    }

    /// Its exit status if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for its end.
    pub fn wait(mut self, deadline: Duration) -> Ended {
        let status = until(deadline, "the program ends", || self.ended());
        Ended { status, stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Memory it holds now, in bytes; `None` where the system does not tell.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most memory it ever held, in bytes; `None` where the system does not tell.
    pub fn peak_bytes(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
