//! Random sequences of what can happen to files and to the monitor, against what must come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::testing::{Desk, Planted};
use super::{Limits, Work};

const FILES: [&str; 4] = ["p/a.jsonl", "p/b.jsonl", "p/a/subagents/agent-1.jsonl", "q/c.jsonl"];
const LIMITS: Limits = Limits { chunk: 32, line: 64, search: 64 };

#[derive(Debug, Clone)]
enum Action {
    /// Appends so many lines, padded to a length.
    Append {
        file: usize,
        lines: usize,
        length: usize,
    },
    /// Appends the first part of a line.
    Half {
        file: usize,
        length: usize,
    },
    /// Appends NUL bytes, as a crash of the machine leaves them.
    Nul {
        file: usize,
        count: usize,
    },
    /// Ends the half line, if there is one.
    Flush {
        file: usize,
    },
    /// Cuts off so many hundredths of the file.
    Truncate {
        file: usize,
        percent: u64,
    },
    /// Empties the file and writes other lines.
    Rewrite {
        file: usize,
        lines: usize,
        length: usize,
    },
    /// Deletes the file and makes another, which can have the same inode.
    Recreate {
        file: usize,
        lines: usize,
        length: usize,
    },
    Rename {
        from: usize,
        to: usize,
    },
    Link {
        from: usize,
        to: usize,
    },
    Copy {
        from: usize,
        to: usize,
    },
    Delete {
        file: usize,
    },
    /// Reads everything that is there.
    Drain,
    /// Is told that something happened to the file.
    Look {
        file: usize,
    },
    /// Looks where a change is likely.
    Glance,
    /// Takes work of so many files at once, and keeps all of it or nothing.
    Turn {
        files: usize,
        kept: bool,
    },
    /// Starts again from what was kept.
    Restart,
    /// Keeps so much work, then loses what it holds and starts again from what was kept.
    Crash {
        after: usize,
    },
}

fn file() -> std::ops::Range<usize> {
    0..FILES.len()
}

fn lines() -> std::ops::Range<usize> {
    1..4
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 6..12_usize, 1 => 16..60_usize]
}

/// After which nothing that was read has to be read again.
fn growing() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (file(), lines(), length())
            .prop_map(|(file, lines, length)| Action::Append { file, lines, length }),
        3 => (file(), length()).prop_map(|(file, length)| Action::Half { file, length }),
        1 => (file(), 1..40_usize).prop_map(|(file, count)| Action::Nul { file, count }),
        2 => file().prop_map(|file| Action::Flush { file }),
        4 => Just(Action::Drain),
        1 => file().prop_map(|file| Action::Look { file }),
        1 => Just(Action::Glance),
        2 => (1..5_usize, any::<bool>()).prop_map(|(files, kept)| Action::Turn { files, kept }),
        1 => Just(Action::Restart),
        2 => (0..4_usize).prop_map(|after| Action::Crash { after }),
    ]
}

/// What makes another file of a file.
fn disturbing() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => (file(), 0..101_u64).prop_map(|(file, percent)| Action::Truncate { file, percent }),
        2 => (file(), lines(), length())
            .prop_map(|(file, lines, length)| Action::Rewrite { file, lines, length }),
        1 => (file(), lines(), length())
            .prop_map(|(file, lines, length)| Action::Recreate { file, lines, length }),
        2 => (file(), file()).prop_map(|(from, to)| Action::Rename { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Action::Link { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Action::Copy { from, to }),
        1 => file().prop_map(|file| Action::Delete { file }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![23 => growing(), 10 => disturbing()]
}

struct World {
    desk: Desk,
    /// Every line that was ever complete somewhere.
    complete: BTreeSet<String>,
    /// Lines that were complete when everything was read.
    owed: BTreeSet<String>,
    made: u64,
    moments: u64,
}

impl World {
    fn new(planted: Planted) -> Self {
        let desk = Desk::with_limits(planted, LIMITS);
        for file in FILES {
            std::fs::create_dir_all(desk.path(file).parent().unwrap()).unwrap();
        }
        Self { desk, complete: BTreeSet::new(), owed: BTreeSet::new(), made: 0, moments: 0 }
    }

    fn path(&self, file: usize) -> PathBuf {
        self.desk.path(FILES[file])
    }

    fn lines(&mut self, lines: usize, length: usize) -> String {
        (0..lines).map(|_| self.line(length) + "\n").collect()
    }

    fn line(&mut self, length: usize) -> String {
        self.made += 1;
        format!("{:é<length$}", format!("<{}>", self.made))
    }

    fn write(&mut self, file: usize, text: &str) {
        self.desk.append(FILES[file], text);
        self.touched(file);
    }

    /// Now, a few minutes after the last change: of two files one can be history.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + self.moments * 200)
    }

    fn nanos(&self) -> i64 {
        i64::try_from(self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
    }

    /// Gives a change a time of its own, as changes have that are not microseconds apart, and notes what is
    /// complete now.
    fn touched(&mut self, file: usize) {
        self.moments += 1;
        let path = self.path(file);
        File::options().write(true).open(&path).unwrap().set_modified(self.now()).unwrap();
        self.complete.extend(lines_of(&path).iter().flat_map(|line| pieces(line)));
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append { file, lines, length } => {
                let text = self.lines(lines, length);
                self.write(file, &text);
            }
            Action::Half { file, length } => {
                let text = self.line(length);
                self.write(file, &text);
            }
            Action::Nul { file, count } => self.write(file, &"\0".repeat(count)),
            Action::Flush { file } => {
                if std::fs::read(self.path(file)).is_ok_and(|text| !text.is_empty() && !text.ends_with(b"\n"))
                {
                    self.write(file, "\n");
                }
            }
            Action::Truncate { file, percent } => {
                if let Ok(opened) = File::options().write(true).open(self.path(file)) {
                    let size = opened.metadata().unwrap().len();
                    opened.set_len(size - size * percent / 100).unwrap();
                    self.touched(file);
                }
            }
            Action::Rewrite { file, lines, length } => {
                let text = self.lines(lines, length);
                std::fs::write(self.path(file), text).unwrap();
                self.touched(file);
            }
            Action::Recreate { file, lines, length } => {
                let _ = std::fs::remove_file(self.path(file));
                let text = self.lines(lines, length);
                self.write(file, &text);
            }
            Action::Rename { from, to } => {
                let _ = std::fs::rename(self.path(from), self.path(to));
            }
            Action::Link { from, to } => {
                let _ = std::fs::hard_link(self.path(from), self.path(to));
            }
            Action::Copy { from, to } => {
                if let Ok(text) = std::fs::read(self.path(from)) {
                    std::fs::write(self.path(to), text).unwrap();
                    self.touched(to);
                }
            }
            Action::Delete { file } => {
                let _ = std::fs::remove_file(self.path(file));
            }
            Action::Drain => self.drain(),
            Action::Look { file } => self.desk.tail.look(&self.path(file), self.nanos()),
            Action::Glance => self.desk.tail.glance(self.nanos()),
            Action::Turn { files, kept } => self.turn(files, kept),
            Action::Restart => self.desk.restart(),
            Action::Crash { after } => {
                self.turn(after, true);
                drop(self.desk.next());
                self.desk.restart();
            }
        }
    }

    fn drain(&mut self) {
        self.desk.tail.scan(self.nanos());
        self.desk.drain();
        for file in FILES {
            let lines = lines_of(&self.desk.path(file));
            let fitting = lines.iter().filter(|line| line.len() <= LIMITS.line);
            self.owed.extend(fitting.flat_map(|line| pieces(line)));
        }
    }

    /// Takes the lines of so many files together, as one transaction does.
    fn turn(&mut self, files: usize, kept: bool) {
        self.desk.tail.scan(self.nanos());
        let works: Vec<Work> = std::iter::from_fn(|| self.desk.next()).take(files).collect();
        for work in works {
            if kept {
                self.desk.keep(work);
            } else {
                self.desk.tail.undone(&work);
            }
        }
    }

    fn judge(&self) -> Result<(), String> {
        let delivered: BTreeSet<String> = self.desk.delivered.iter().cloned().collect();
        if let Some(lost) = self.owed.difference(&delivered).next() {
            return Err(format!("lost: {lost}"));
        }
        // a half line can have been cut and ended differently, but what came out was a whole line once
        if let Some(false_line) = delivered.difference(&self.complete).next() {
            return Err(format!("never a line: {false_line}"));
        }
        Ok(())
    }
}

/// Every complete line.
fn lines_of(path: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let Some((complete, _)) = text.rsplit_once('\n') else { return Vec::new() };
    complete.split('\n').map(str::to_owned).collect()
}

/// What NUL bytes part a line into.
fn pieces(line: &str) -> Vec<String> {
    line.split('\0').filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

fn check(actions: &[Action], planted: Planted) -> Result<(), String> {
    let mut world = World::new(planted);
    for action in actions {
        world.act(action);
        world.judge()?;
    }
    world.act(&Action::Drain);
    world.judge()?;
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for line in &world.desk.delivered {
        *times.entry(line).or_default() += 1;
    }
    match times.iter().find(|(_, times)| actions.iter().all(only_grows) && **times > 1) {
        Some((line, _)) => Err(format!("twice: {line}")),
        None => Ok(()),
    }
}

/// Whether nothing that was read has to be read again, whatever else happens.
fn only_grows(action: &Action) -> bool {
    !matches!(
        action,
        Action::Truncate { .. }
            | Action::Rewrite { .. }
            | Action::Recreate { .. }
            | Action::Rename { .. }
            | Action::Link { .. }
            | Action::Copy { .. }
            | Action::Delete { .. }
    )
}

/// The long form is asked for by `cargo xtask soak`.
fn config() -> Config {
    #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
    let soak = std::env::var_os("VIBETEA_SOAK").is_some();
    Config { cases: if soak { 20_000 } else { 300 }, max_shrink_iters: 5000, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn whatever_happens_to_files_every_line_comes_out(actions in prop::collection::vec(action(), 1..40)) {
        check(&actions, Planted::Nothing).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn growing_files_give_every_line_once(actions in prop::collection::vec(growing(), 1..40)) {
        check(&actions, Planted::Nothing).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn planted_mistakes_are_found() {
    let planted = [
        Planted::OffsetBySize,
        Planted::OffsetFirst,
        Planted::TrustsThePath,
        Planted::TrustsTheFirstLine,
        Planted::KnowsByTheFirstLine,
    ];
    for planted in planted {
        let config =
            Config { cases: 1000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        let outcome = TestRunner::new(config).run(&prop::collection::vec(action(), 1..40), |actions| {
            check(&actions, planted).map_err(TestCaseError::fail)
        });
        assert!(outcome.is_err(), "{planted:?} was not found");
    }
}
