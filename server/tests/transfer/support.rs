//! The program in a folder of its own, and lines to put into it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time for anything here.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// A folder with a database, or with the state of one elsewhere.
pub(crate) struct Place {
    folder: TempDir,
    url: Option<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), url: None }
    }

    /// Whose events are kept in that database.
    pub(crate) fn on(url: String) -> Self {
        Self { url: Some(url), ..Self::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("vibetea.db")
    }

    /// The program with nothing in its environment but where its data is: no keys, no token.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vibetea-server"));
        command
            .env_clear()
            .env("HOME", self.path())
            .env("VIBETEA_DATA_DIR", self.path())
            .envs(self.url.iter().map(|url| ("VIBETEA_DATABASE_URL", url)))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.program(arguments).output().unwrap())
    }

    /// Runs it with that on standard input, as much as it wants of it.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.program(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // a program that ends early closes the pipe
            scope.spawn(move || drop(pipe.write_all(input)));
            Ended::of(&child.wait_with_output().unwrap())
        })
    }

    /// Imports lines that are in order.
    pub(crate) fn import(&self, lines: &str) -> Ended {
        let ended = self.feed(&["import", "-"], lines.as_bytes());
        assert_eq!(ended.code, Some(0), "{}", ended.told);
        ended
    }

    pub(crate) fn export(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["export"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.told);
        ended.out
    }

    pub(crate) fn digest(&self) -> String {
        let ended = self.run(&["digest"]);
        assert_eq!(ended.code, Some(0), "{}", ended.told);
        ended.out
    }
}

/// What a program left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) told: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), told: text(&output.stderr) }
    }
}

/// An id whose order is that of the numbers.
pub(crate) fn id(number: usize) -> String {
    format!("evt_{number:020}")
}

/// A moment; several numbers share one.
pub(crate) fn moment(number: usize) -> String {
    let tick = number / 3;
    let (day, second, micros) = (1 + tick / 80_000, tick % 80_000, tick % 2 * 250);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("2026-02-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// An event as an export writes it.
pub(crate) fn line(number: usize) -> String {
    let moment = moment(number).replace(".000000Z", ".000Z");
    let source = ["desktop", "laptop", "é \\\"quoted\\\""][number % 3];
    let kind = ["activity", "tool", "session", "error"][number % 4];
    let payload = format!(r#"{{"n":{number},"project":"shop","x":[0.5,"ü\n"]}}"#);
    let id = id(number);
    format!(
        r#"{{"id":"{id}","source":"{source}","timestamp":"{moment}","type":"{kind}","payload":{payload}}}"#
    ) + "\n"
}

/// The same event as somebody else might write it.
pub(crate) fn other_line(number: usize) -> String {
    let moment = moment(number).replace('Z', "+00:00");
    let source = ["desktop", "lap\\u0074op", "\\u00e9 \\\"quoted\\\""][number % 3];
    let kind = ["activity", "tool", "session", "error"][number % 4];
    let payload =
        format!(r#"{{ "x": [ 5.0e-1, "\u00fc\u000a" ], "n": null, "project": "shop", "n": {number}.0 }}"#);
    let id = id(number);
    format!(
        r#" {{"payload":{payload},"more":{{}}, "eventType":"{kind}","timestamp":"{moment}","source":"{source}","id":"{id}"}}"#
    ) + "\r\n"
}

/// Polls until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}
