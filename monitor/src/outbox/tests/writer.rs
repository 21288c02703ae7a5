//! The small reader in a process of its own, so that its disk can be taken away and its system calls can fail.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::small_reader::{Bug, contradictions, deliver, open_with, read_to, saved_offset};
use super::*;

const FOLDER: &str = "VIBETEA_TEST_WRITER_FOLDER";
const BUG: &str = "VIBETEA_TEST_WRITER_BUG";
const LINES: &str = "VIBETEA_TEST_WRITER_LINES";
/// So many failures in a row do not pass: the process ends, as a monitor would be ended by a person.
const FAILURES: u32 = 4;

/// What a writer said before it ended.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last line whose turn was committed.
    pub(super) kept: u64,
    /// Events that the server had committed.
    pub(super) delivered: BTreeSet<u64>,
    /// Whether it came to its end.
    pub(super) finished: bool,
    /// Whether it broke down instead of failing.
    pub(super) panicked: bool,
}

/// Runs a writer for `lines` more lines; `wrap` goes in front of its command line. `kept` hears of each line that is
/// kept.
pub(super) fn run(
    wrap: &[String],
    folder: &Path,
    bug: Option<Bug>,
    lines: u64,
    mut kept: impl FnMut(u64),
) -> Said {
    let mut words = wrap.to_vec();
    words.push(std::env::current_exe().unwrap().to_str().unwrap().to_owned());
    let test = concat!(module_path!(), "::one_writer");
    let (_, test) = test.split_once("::").unwrap();
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(BUG, bug.map_or("", Bug::as_str))
        .env(LINES, lines.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut said = Said::default();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("kept", number)) => {
                said.kept = number.parse().unwrap();
                kept(said.kept);
            }
            Some(("sent", number)) => {
                said.delivered.insert(number.parse().unwrap());
            }
            _ => said.finished |= line == "finished",
        }
    }
    let status = child.wait().unwrap();
    said.panicked = !said.finished && status.code() == Some(101);
    said
}

/// What is wrong with a store after its writer ended: what `said` was said, and `delivered` before.
pub(super) fn check(folder: &Path, said: &Said, delivered: &mut BTreeSet<u64>) -> Result<(), String> {
    delivered.extend(&said.delivered);
    if said.panicked {
        return Err("the writer panicked".to_owned());
    }
    let outbox = open(folder);
    if let Some(aside) = damaged(folder) {
        return Err(format!("the store was damaged and set aside as {aside}"));
    }
    let offset = saved_offset(&outbox).unwrap();
    if offset < said.kept {
        return Err(format!("line {} was kept, and the store knows {offset} lines", said.kept));
    }
    let wrong = contradictions(&outbox, delivered);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
}

fn damaged(folder: &Path) -> Option<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).find(|name| name.contains("corrupt"))
}

/// The writer itself; does nothing unless [`run`] started it.
#[test]
fn one_writer() {
    let Some(folder) = variable(FOLDER) else { return };
    let bug = Bug::ALL.into_iter().find(|bug| variable(BUG).as_deref() == Some(bug.as_str()));
    let lines: u64 = variable(LINES).unwrap().parse().unwrap();
    let mut failures = 0;
    let mut outbox = None;
    let mut until = None;
    while failures < FAILURES {
        match write_on(&mut outbox, &mut until, Path::new(&folder), bug, lines) {
            Ok(true) => {
                println!("finished");
                return;
            }
            Ok(false) => failures = 0,
            Err(_) => failures += 1,
        }
    }
    std::process::exit(1);
}

/// One line, and now and then a delivery; whether that was the last.
fn write_on(
    outbox: &mut Option<Outbox>,
    until: &mut Option<u64>,
    folder: &Path,
    bug: Option<Bug>,
    lines: u64,
) -> Result<bool, OutboxError> {
    let outbox = match outbox {
        Some(outbox) => outbox,
        none => none.insert(open_with(folder, bug)?),
    };
    let line = saved_offset(outbox)? + 1;
    let until = *until.get_or_insert(line + lines);
    if line >= until {
        return Ok(true);
    }
    read_to(outbox, line, bug)?;
    println!("kept {line}");
    if line % 3 == 0 {
        deliver(outbox, 2, |number| println!("sent {number}"))?;
    }
    Ok(false)
}
