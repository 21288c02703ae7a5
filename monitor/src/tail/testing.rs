//! A folder with files, a tail on it, a store for what it reads, and mistakes on request.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Class, Limits, Position, Tail, Work};

/// Mistakes that a check has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// The position is the file's size, half line or not.
    OffsetBySize,
    /// The position is kept before the lines are.
    OffsetFirst,
    /// A file is taken for the one it was, whatever it holds.
    TrustsThePath,
    /// A file is taken for the one it was if its first line is the same.
    TrustsTheFirstLine,
    /// A file is taken for one that was read elsewhere if its first line is the same.
    KnowsByTheFirstLine,
    /// A file that was renamed is not known again.
    ForgetsPlaces,
    /// Nothing is kept open.
    ClosesFiles,
    /// What holds NUL bytes is left for later.
    WaitsAtNul,
    /// Every file is opened to see whether it changed.
    LooksInside,
}

pub(super) struct Desk {
    folder: tempfile::TempDir,
    pub(super) tail: Tail,
    limits: Limits,
    pub(super) planted: Planted,
    /// What survives a crash.
    pub(super) kept: HashMap<String, Position>,
    pub(super) delivered: Vec<String>,
    pub(super) too_long: u64,
    pub(super) nul_runs: u64,
}

impl Desk {
    pub(super) fn new(planted: Planted) -> Self {
        Self::with_limits(planted, Limits::default())
    }

    pub(super) fn with_limits(planted: Planted, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tail = Tail::new(folder.path().to_owned(), is_followed, limits, []);
        let (kept, delivered) = (HashMap::new(), Vec::new());
        Self { folder, tail, limits, planted, kept, delivered, too_long: 0, nul_runs: 0 }
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Appends to a file, which is made with its folders if need be.
    pub(super) fn append(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_ref()).unwrap();
    }

    /// Empties a file and writes it anew.
    pub(super) fn rewrite(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    /// Looks at everything and reads what is there.
    pub(super) fn read_all(&mut self) {
        self.tail.scan(now());
        self.drain();
    }

    /// Reads what is queued.
    pub(super) fn drain(&mut self) {
        let mut steps = 0;
        while let Some(work) = self.next() {
            self.keep(work);
            steps += 1;
            if steps == 1000 && self.planted == Planted::WaitsAtNul {
                self.delivered.push("<does not come to an end>".to_owned());
                return;
            }
        }
    }

    pub(super) fn next(&mut self) -> Option<Work> {
        if self.planted == Planted::LooksInside {
            let files: Vec<String> = self.tail.files.keys().cloned().collect();
            for path in files {
                self.tail.queue.push(&path, Class::History, 0);
            }
        }
        let mut work = self.tail.next(true)?;
        match self.planted {
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
            Planted::TrustsTheFirstLine => work.after.tail_len = 0,
            Planted::ForgetsPlaces => work.after.stat.inode = 0,
            Planted::ClosesFiles => {
                self.tail.files.values_mut().for_each(|tracked| tracked.handle = None);
                self.tail.open.clear();
            }
            _ => {}
        }
        Some(work)
    }

    /// One transaction: the lines and the position after them.
    pub(super) fn keep(&mut self, work: Work) {
        if self.planted == Planted::WaitsAtNul && work.chunk.nul_runs > 0 {
            self.tail.undone(&work);
            return;
        }
        let same_head =
            |(path, known): (&String, &Position)| *path != work.path && known.head == work.after.head;
        let taken_for_known =
            self.planted == Planted::KnowsByTheFirstLine && work.from == 0 && self.kept.iter().any(same_head);
        if !taken_for_known {
            let lines = work.chunk.lines().map(|(_, line)| String::from_utf8_lossy(line).into_owned());
            self.delivered.extend(lines);
        }
        self.too_long += work.chunk.too_long;
        self.nul_runs += work.chunk.nul_runs;
        self.kept.insert(work.path.clone(), work.after.clone());
        self.tail.done(work);
    }

    /// Forgets everything but what was kept and starts again, as after a crash.
    pub(super) fn restart(&mut self) {
        let root = self.folder.path().to_owned();
        self.tail = Tail::new(root, is_followed, self.limits, self.kept.clone());
    }

    /// Whether exactly these lines came, each once, in any order.
    pub(super) fn expect(&self, lines: &[&str]) -> Result<(), String> {
        let mut delivered: Vec<&str> = self.delivered.iter().map(String::as_str).collect();
        let mut lines = lines.to_vec();
        delivered.sort_unstable();
        lines.sort_unstable();
        if delivered == lines {
            return Ok(());
        }
        let lost = lines.iter().find(|line| !delivered.contains(line));
        let extra = delivered.iter().find(|line| !lines.contains(line));
        Err(format!("{} lines for {}; lost {lost:?}, extra {extra:?}", delivered.len(), lines.len()))
    }

    /// How many descriptors of this process lead below the folder.
    pub(super) fn descriptors(&self) -> usize {
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return self.tail.open_files() };
        let leads_here = |entry: std::io::Result<std::fs::DirEntry>| {
            let target = std::fs::read_link(entry.ok()?.path()).ok()?;
            target.starts_with(self.folder.path()).then_some(())
        };
        entries.filter_map(leads_here).count()
    }
}

/// Nanoseconds since 1970.
pub(super) fn now() -> i64 {
    vibetea_protocol::Clock::System.now().as_micros() * 1000
}

/// The check holds without a mistake and fails with each of these.
pub(super) fn holds_unless(planted: &[Planted], check: impl Fn(Planted) -> Result<(), String>) {
    check(Planted::Nothing).unwrap();
    for planted in planted {
        assert!(check(*planted).is_err(), "{planted:?} was not found");
    }
}

fn is_followed(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "jsonl")
}
