//! A reader that is moved step by step, on a folder and a store of its own.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::{Clock, Timestamp};

use super::super::health::Reports;
use super::super::reader::{Loop, Turned};
use super::super::{Health, Progress, ReaderConfig};
use crate::identity::Identity;
use crate::interpret::Interpreter;
use crate::outbox::{Destination, Outbox, Queued};
use crate::privacy::Policy;
use crate::tail::Tail;
use crate::tail::watch::{Hints, StartWatch, Watch};

/// A watch that hears nothing, as on a network drive.
pub(super) struct Deaf;

impl Watch for Deaf {}

pub(super) fn deaf(_: &Path, _: &Hints) -> (Option<Box<dyn Watch>>, notify::Result<()>) {
    (Some(Box::new(Deaf)), Ok(()))
}

pub(super) struct Rig {
    home: tempfile::TempDir,
    pub(super) outbox: Outbox,
    pub(super) reader: Loop,
    pub(super) tail: Tail,
    pub(super) health: watch::Receiver<Health>,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Rig {
    /// On an empty folder, with this key and kind of watch.
    pub(super) fn new(key: u8, start_watch: StartWatch) -> Self {
        Self::on(Self::empty_home(), key, start_watch, |_| {})
    }

    /// On what is in this folder.
    pub(super) fn on(
        home: tempfile::TempDir,
        key: u8,
        start_watch: StartWatch,
        change: impl FnOnce(&mut ReaderConfig),
    ) -> Self {
        Self::at(&Clock::System, home, key, start_watch, change)
    }

    /// The same at another time.
    pub(super) fn at(
        clock: &Clock,
        home: tempfile::TempDir,
        key: u8,
        start_watch: StartWatch,
        change: impl FnOnce(&mut ReaderConfig),
    ) -> Self {
        let outbox = Outbox::open(&home.path().join("state"), clock).unwrap();
        let identity = Identity::new(&[key; 32], &"desk".parse().unwrap());
        let mut config = ReaderConfig::new(home.path().join("claude"));
        change(&mut config);
        let interpreter = Interpreter::new(Policy::default(), identity, config.silence);
        let (progress, progress_seen) = watch::channel(Progress::default());
        let (health, health_seen) = watch::channel(Health::default());
        let reports = Reports::new(progress, health);
        let stop = CancellationToken::new();
        let mut reader =
            Loop::new(config, outbox.clone(), interpreter, clock.clone(), stop, reports).unwrap();
        reader.follower.start_watch = start_watch;
        let tail = reader.begin().unwrap();
        Self { home, outbox, reader, tail, health: health_seen, progress: progress_seen }
    }

    /// Ends this reader and starts another on the same folder and store.
    pub(super) fn again(self, key: u8, start_watch: StartWatch) -> Self {
        Self::on(self.end(), key, start_watch, |_| {})
    }

    /// Ends this reader; its folder with the store in it.
    pub(super) fn end(self) -> tempfile::TempDir {
        let Self { home, outbox, reader, tail, .. } = self;
        drop((outbox, reader, tail));
        home
    }

    /// The folder of a reader that has not been yet.
    pub(super) fn empty_home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("claude/projects")).unwrap();
        home
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.home.path().join("claude/projects").join(file)
    }

    pub(super) fn append(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Steps until there is nothing to read; how many turns there were.
    pub(super) fn read_all(&mut self) -> usize {
        let mut turns = 0;
        while self.reader.step(&mut self.tail).unwrap() == Turned::Kept {
            turns += 1;
        }
        turns
    }

    /// Lets the look that would come by time come now.
    pub(super) fn look_now(&mut self) {
        self.reader.follower.make_due();
    }

    pub(super) fn queued(&self, destination: Destination) -> Vec<Queued> {
        self.outbox.pending(destination, 1_000_000, usize::MAX).unwrap()
    }

    /// The ids of everything that is to be sent.
    pub(super) fn ids(&self) -> Vec<String> {
        let all = Destination::ALL.into_iter().flat_map(|destination| self.queued(destination));
        let mut ids: Vec<String> = all.map(|event| event.id.to_string()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Lets a file look as if it was written last at this time.
pub(super) fn date(file: &Path, at: Timestamp) {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_micros(at.as_micros().unsigned_abs());
    OpenOptions::new().append(true).open(file).unwrap().set_modified(modified).unwrap();
}

/// A typed prompt with its newline.
pub(super) fn prompt(number: u32, said: Timestamp, text: &str) -> String {
    let record = json!({
        "type": "user", "uuid": format!("{number:08x}-0000-4000-8000-000000000000"), "timestamp": said,
        "sessionId": "11111111-2222-4333-8444-555555555555", "cwd": "/home/dev/shop",
        "message": {"role": "user", "content": text},
    });
    format!("{record}\n")
}

/// So many prompts that were typed now, numbered from `first`.
pub(super) fn prompts(first: u32, count: u32) -> String {
    (first..first + count).map(|number| prompt(number, Clock::System.now(), "hello")).collect()
}
