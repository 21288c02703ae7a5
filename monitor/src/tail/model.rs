//! Random sequences of what can happen to files and to the monitor, against what must come out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use super::{Limits, Position, Tail, Work};

const FILES: [&str; 4] = ["p/a.jsonl", "p/b.jsonl", "p/a/subagents/agent-1.jsonl", "q/c.jsonl"];
const LIMITS: Limits = Limits { chunk: 32, line: 48, search: 64 };

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
    /// Keeps so much work, then loses what it holds and starts again from what was kept.
    Crash {
        after: usize,
    },
    /// Takes work and hands it back.
    Undone,
}

fn action() -> impl Strategy<Value = Action> {
    let file = || 0..FILES.len();
    let length = || prop_oneof![6 => 8..24_usize, 1 => 30..120_usize];
    prop_oneof![
        6 => (file(), 1..4_usize, length())
            .prop_map(|(file, lines, length)| Action::Append { file, lines, length }),
        3 => (file(), length()).prop_map(|(file, length)| Action::Half { file, length }),
        2 => file().prop_map(|file| Action::Flush { file }),
        2 => (file(), 0..101_u64).prop_map(|(file, percent)| Action::Truncate { file, percent }),
        2 => (file(), 1..4_usize, length())
            .prop_map(|(file, lines, length)| Action::Rewrite { file, lines, length }),
        2 => (file(), file()).prop_map(|(from, to)| Action::Rename { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Action::Link { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Action::Copy { from, to }),
        1 => file().prop_map(|file| Action::Delete { file }),
        4 => Just(Action::Drain),
        3 => (0..4_usize).prop_map(|after| Action::Crash { after }),
        1 => Just(Action::Undone),
    ]
}

/// Mistakes that the check has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// The position is the file's size, half line or not.
    OffsetBySize,
    /// The position is kept before the lines are.
    OffsetFirst,
    /// A file is taken for the one it was, whatever it holds.
    TrustsThePath,
}

struct World {
    folder: tempfile::TempDir,
    tail: Tail,
    planted: Planted,
    kept: HashMap<String, Position>,
    delivered: Vec<String>,
    /// Every line that was ever complete somewhere.
    complete: BTreeSet<String>,
    /// Lines that were complete when everything was read.
    owed: BTreeSet<String>,
    made: u64,
    moments: u64,
}

impl World {
    fn new(planted: Planted) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
        }
        let tail = Tail::new(folder.path().to_owned(), |_| true, LIMITS, []);
        Self {
            folder,
            tail,
            planted,
            kept: HashMap::new(),
            delivered: Vec::new(),
            complete: BTreeSet::new(),
            owed: BTreeSet::new(),
            made: 0,
            moments: 0,
        }
    }

    fn path(&self, file: usize) -> PathBuf {
        self.folder.path().join(FILES[file])
    }

    fn line(&mut self, length: usize) -> String {
        self.made += 1;
        format!("{:x<length$}", format!("<{}>", self.made))
    }

    fn write(&mut self, file: usize, text: &str) {
        let path = self.path(file);
        OpenOptions::new().append(true).create(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        self.touched(&path);
    }

    /// Gives a change a time of its own, as changes have that are not microseconds apart, and notes what is
    /// complete now.
    fn touched(&mut self, path: &Path) {
        self.moments += 1;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + self.moments);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        self.complete.extend(lines_of(path));
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append { file, lines, length } => {
                let text: String = (0..lines).map(|_| self.line(length) + "\n").collect();
                self.write(file, &text);
            }
            Action::Half { file, length } => {
                let text = self.line(length);
                self.write(file, &text);
            }
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
                    self.touched(&self.path(file));
                }
            }
            Action::Rewrite { file, lines, length } => {
                let text: String = (0..lines).map(|_| self.line(length) + "\n").collect();
                std::fs::write(self.path(file), text).unwrap();
                self.touched(&self.path(file));
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
                    self.touched(&self.path(to));
                }
            }
            Action::Delete { file } => {
                let _ = std::fs::remove_file(self.path(file));
            }
            Action::Drain => self.drain(),
            Action::Crash { after } => self.crash(after),
            Action::Undone => {
                self.tail.scan(0);
                if let Some(work) = self.next() {
                    self.tail.undone(&work);
                }
            }
        }
    }

    fn drain(&mut self) {
        self.tail.scan(0);
        while let Some(work) = self.next() {
            self.keep(work);
        }
        for file in FILES {
            let lines = lines_of(&self.folder.path().join(file));
            self.owed.extend(lines.into_iter().filter(|line| line.len() <= LIMITS.line));
        }
    }

    fn crash(&mut self, after: usize) {
        self.tail.scan(0);
        for _ in 0..after {
            let Some(work) = self.next() else { break };
            self.keep(work);
        }
        drop(self.next());
        let kept = std::mem::take(&mut self.kept);
        self.kept.clone_from(&kept);
        self.tail = Tail::new(self.folder.path().to_owned(), |_| true, LIMITS, kept);
    }

    fn next(&mut self) -> Option<Work> {
        let mut work = self.tail.next(true)?;
        match self.planted {
            Planted::Nothing => {}
            Planted::OffsetBySize => {
                work.after.offset = std::fs::metadata(&work.location).map_or(0, |metadata| metadata.len());
                work.after.tail_len = 0;
            }
            Planted::OffsetFirst => {
                self.kept.insert(work.path.clone(), work.after.clone());
            }
            Planted::TrustsThePath => {
                work.after.tail_len = 0;
                work.after.head_len = 0;
            }
        }
        Some(work)
    }

    /// One transaction: the lines and the position after them.
    fn keep(&mut self, work: Work) {
        let lines = work.chunk.lines().map(|(_, line)| String::from_utf8(line.to_vec()).unwrap());
        self.delivered.extend(lines);
        self.kept.insert(work.path.clone(), work.after.clone());
        self.tail.done(work);
    }

    fn judge(&self) -> Result<(), String> {
        let delivered: BTreeSet<String> = self.delivered.iter().cloned().collect();
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

fn lines_of(path: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let Some((complete, _)) = text.rsplit_once('\n') else { return Vec::new() };
    complete.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn check(actions: &[Action], planted: Planted) -> Result<(), String> {
    let mut world = World::new(planted);
    for action in actions {
        world.act(action);
        world.judge()?;
    }
    world.act(&Action::Drain);
    world.judge()?;
    let only_grows = actions.iter().all(|action| {
        matches!(
            action,
            Action::Append { .. }
                | Action::Half { .. }
                | Action::Flush { .. }
                | Action::Drain
                | Action::Crash { .. }
                | Action::Undone
        )
    });
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for line in &world.delivered {
        *times.entry(line).or_default() += 1;
    }
    match times.iter().find(|(_, times)| only_grows && **times > 1) {
        Some((line, _)) => Err(format!("twice: {line}")),
        None => Ok(()),
    }
}

fn run(cases: u32, planted: Planted) -> Result<(), TestError<Vec<Action>>> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let mut runner = TestRunner::new(config);
    runner.run(&prop::collection::vec(action(), 1..40), |actions| {
        check(&actions, planted).map_err(TestCaseError::fail)
    })
}

proptest! {
    #![proptest_config(Config { cases: Config::default().cases.max(400), ..Config::default() })]
    #[test]
    fn whatever_happens_to_files_every_line_comes_out(actions in prop::collection::vec(action(), 1..40)) {
        check(&actions, Planted::Nothing).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn growing_files_give_every_line_once(
        actions in prop::collection::vec(action().prop_filter("grows", |action| matches!(action,
            Action::Append { .. } | Action::Half { .. } | Action::Flush { .. } | Action::Drain
            | Action::Crash { .. } | Action::Undone)), 1..40)
    ) {
        check(&actions, Planted::Nothing).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn planted_mistakes_are_found() {
    for planted in [Planted::OffsetBySize, Planted::OffsetFirst, Planted::TrustsThePath] {
        assert!(run(400, planted).is_err(), "{planted:?} was not found");
    }
}
