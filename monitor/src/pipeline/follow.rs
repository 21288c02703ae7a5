//! How the reader hears of changes: file events as hints, and looks at the files themselves as the truth.
//!
//! Whatever events tell or lose, a line is found within one interval: [`ReaderConfig::rescan`] (or
//! [`ReaderConfig::poll`]) in a new file and in one that changed in the last hour, [`scan_pause`] in any other.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::ReaderConfig;
use super::health::{Following, Reports};
use crate::tail::watch::{Hints, StartWatch, Watch};
use crate::tail::{Stat, Tail};

/// A new folder is looked at again after this: files can appear in it before it is watched.
const NEW_FOLDER_PAUSE: Duration = Duration::from_millis(300);
/// New folders that are held; more of them mean a look at everything.
const MAX_NEW_FOLDERS: usize = 1024;
/// A look at everything may come after this much time for every file: 15 000 files are looked at every five
/// minutes, at some two microseconds each.
const SCAN_PAUSE_PER_FILE: Duration = Duration::from_millis(20);
/// The same while file events cannot be relied on.
const POLL_PAUSE_PER_FILE: Duration = Duration::from_millis(4);
/// Looks at everything for files that went away unread take this share of the time at most, as its inverse.
const MISSING_SHARE: u32 = 20;

/// Time between two looks at everything.
pub(super) fn scan_pause(config: &ReaderConfig, files: usize, polling: bool) -> Duration {
    let each = if polling { POLL_PAUSE_PER_FILE } else { SCAN_PAUSE_PER_FILE };
    let least = if polling { config.poll } else { config.rescan };
    least.max(each * u32::try_from(files).unwrap_or(u32::MAX))
}

/// See the module.
pub(super) struct Follower {
    pub(super) hints: Hints,
    pub(super) start_watch: StartWatch,
    watch: Option<Box<dyn Watch>>,
    watched: Option<(PathBuf, Stat)>,
    next_scan: Instant,
    next_glance: Instant,
    /// Folders to look at again, and when.
    new_folders: Vec<(Instant, PathBuf)>,
    first_scan_done: bool,
    /// Everything may be looked at from then on while lines wait that go away with their files.
    next_missing: Instant,
    rescans: u64,
}

impl Follower {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            hints: Hints::default(),
            start_watch: crate::tail::watch::start,
            watch: None,
            watched: None,
            next_scan: now,
            next_glance: now,
            new_folders: Vec::new(),
            first_scan_done: false,
            next_missing: now,
            rescans: 0,
        }
    }

    /// When there is something to look at whether anything is said or not.
    pub(super) fn next_look(&self) -> Instant {
        let folder = self.new_folders.first().map(|(due, _)| *due);
        let look = self.next_scan.min(self.next_glance);
        folder.map_or(look, |due| due.min(look))
    }

    /// How often a look at everything was asked for, because file events were lost, since this was last asked.
    pub(super) fn take_rescans(&mut self) -> u64 {
        std::mem::take(&mut self.rescans)
    }

    /// Lets the look that would come after the shortest pause come now.
    #[cfg(test)]
    pub(super) fn make_due(&mut self) {
        self.next_glance = Instant::now();
        self.next_missing = self.next_glance;
    }

    /// Queues what was said to have changed, and what is found to have changed by the looks that are due.
    pub(super) fn follow(
        &mut self,
        tail: &mut Tail,
        config: &ReaderConfig,
        reports: &mut Reports,
        nanos: i64,
    ) {
        self.hear(tail, config, reports, nanos);
        let now = Instant::now();
        if now < self.next_scan.min(self.next_glance) {
            let due = self.new_folders.partition_point(|(due, _)| *due <= now);
            for (_, folder) in self.new_folders.drain(..due) {
                tail.look(&folder, nanos);
            }
            return;
        }
        let Some(known) = self.attach(tail, config, reports) else {
            self.first_scan_done = true;
            self.next_scan = now + config.poll;
            self.next_glance = self.next_scan;
            return;
        };
        let missing = tail.has_counted() && now >= self.next_missing;
        if known && now < self.next_scan && !missing {
            tail.glance(nanos);
        } else {
            let unread = tail.scan(nanos);
            if !self.first_scan_done {
                let files = tail.backlog().files;
                reports.progress(|progress| {
                    progress.total_files = files;
                    progress.total_bytes = unread;
                });
            }
            self.first_scan_done = true;
            let pause = scan_pause(config, tail.known_files(), is_polling(reports));
            let ended = Instant::now();
            self.next_scan = ended + pause;
            self.next_missing = ended + config.rescan.max((ended - now) * MISSING_SHARE);
        }
        let pause = if is_polling(reports) { config.poll } else { config.rescan };
        self.next_glance = Instant::now() + pause;
    }

    /// Takes in what was said about files since the last time.
    fn hear(&mut self, tail: &mut Tail, config: &ReaderConfig, reports: &Reports, nanos: i64) {
        let said = self.hints.take();
        if said.rescan {
            self.rescans += 1;
            self.next_scan = Instant::now();
        } else {
            for path in said.paths.iter().chain(&said.folders) {
                tail.look(path, nanos);
            }
            let soon = Instant::now() + NEW_FOLDER_PAUSE;
            self.new_folders.extend(said.folders.into_iter().map(|folder| (soon, folder)));
        }
        if self.new_folders.len() > MAX_NEW_FOLDERS {
            self.new_folders.clear();
            self.next_scan = self.next_scan.min(Instant::now() + NEW_FOLDER_PAUSE);
        }
        if said.failed {
            self.poll_from_now_on("file events were lost", config, reports);
        }
    }

    /// Finds the folder and sees that it is watched; `None` where it is not there, else whether it is the one that
    /// was there before.
    fn attach(&mut self, tail: &mut Tail, config: &ReaderConfig, reports: &Reports) -> Option<bool> {
        let found = std::fs::canonicalize(config.claude_dir.join("projects"))
            .and_then(|root| std::fs::metadata(&root).map(|metadata| (root, metadata)))
            .ok()
            .filter(|(_, metadata)| metadata.is_dir());
        let Some((root, metadata)) = found else {
            if self.watched.take().is_some() {
                info!("the transcripts folder is gone; waiting for it");
            }
            self.watch = None;
            reports.health(|health| health.following = Following::Waiting);
            return None;
        };
        let stat = Stat::of(&metadata);
        let known = self.watched.as_ref().is_some_and(|(path, at)| *path == root && at.same_place(&stat));
        if !known {
            tail.set_root(root.clone());
            self.watched = Some((root, stat));
            self.watch_again(config, reports);
        }
        Some(known)
    }

    /// Tries to get file events once more where they cannot be relied on.
    pub(super) fn try_again(&mut self, config: &ReaderConfig, reports: &Reports) {
        if is_polling(reports) {
            self.watch_again(config, reports);
        }
    }

    fn watch_again(&mut self, config: &ReaderConfig, reports: &Reports) {
        let Some((root, _)) = &self.watched else { return };
        // the old watch ends before the new one begins: both count against the system's limit
        self.watch = None;
        let (watch, started) = (self.start_watch)(root, &self.hints);
        self.watch = watch;
        match started {
            Ok(()) => {
                reports.health(|health| health.following = Following::Events);
            }
            Err(error) => {
                let why = match error.kind {
                    notify::ErrorKind::MaxFilesWatch => "the system's limit of watched folders is reached",
                    _ => "the folder cannot be watched",
                };
                self.poll_from_now_on(why, config, reports);
            }
        }
    }

    fn poll_from_now_on(&mut self, why: &str, config: &ReaderConfig, reports: &Reports) {
        if reports.health(|health| health.following = Following::Polling) {
            warn!(
                seconds = config.poll.as_secs(),
                "{why}; looking at the transcripts again and again instead"
            );
        }
        self.next_scan = self.next_scan.min(Instant::now() + config.poll);
    }
}

fn is_polling(reports: &Reports) -> bool {
    reports.current_health().following == Following::Polling
}
