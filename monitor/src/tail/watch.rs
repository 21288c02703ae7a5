//! File events as hints: what was said about which path, collected until the reader has time for it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use notify::event::{EventKind, ModifyKind};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Paths that are held; more of them mean a look at everything.
const MAX_PATHS: usize = 4096;

/// What has been said since it was last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Files to look at.
    pub paths: HashSet<PathBuf>,
    /// Folders to look at; they may hold what nobody has said anything about.
    pub folders: HashSet<PathBuf>,
    /// Something was lost: everything has to be looked at.
    pub rescan: bool,
    /// The watch does not see everything any more.
    pub failed: bool,
}

/// Where hints are collected.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    said: Arc<Mutex<Said>>,
    wake: Arc<Notify>,
}

impl Hints {
    /// Everything said since the last time.
    pub fn take(&self) -> Said {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until something was said since it was last waited for.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Takes in what the watch says.
    pub fn hear(&self, said: notify::Result<Event>) {
        let woken = if let Ok(event) = said {
            self.hear_event(&event)
        } else {
            let mut said = self.lock();
            said.failed = true;
            said.rescan = true;
            true
        };
        if woken {
            self.wake.notify_one();
        }
    }

    fn hear_event(&self, event: &Event) -> bool {
        // an overflow has no path, so this comes before any look at paths
        if event.need_rescan() {
            self.lock().rescan = true;
            return true;
        }
        // reading a file is an event too, and the reader does not want to hear of itself
        if matches!(event.kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_))) {
            return false;
        }
        let mut woken = false;
        for path in &event.paths {
            woken |= self.hear_path(path, event.kind);
        }
        woken
    }

    fn hear_path(&self, path: &Path, kind: EventKind) -> bool {
        let is_transcript = path.extension().is_some_and(|extension| extension == "jsonl");
        // folders have no extension; other files are of no interest
        let is_folder = path.extension().is_none() && !matches!(kind, EventKind::Modify(ModifyKind::Data(_)));
        if !is_transcript && !is_folder {
            return false;
        }
        let mut said = self.lock();
        if said.paths.len() + said.folders.len() >= MAX_PATHS {
            said.paths.clear();
            said.folders.clear();
            said.rescan = true;
        } else if !said.rescan {
            let heard = if is_folder { &mut said.folders } else { &mut said.paths };
            heard.insert(path.to_owned());
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        // every change of it is one assignment, so it is whole after a panic too
        self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A watch on a folder; it ends when dropped.
pub trait Watch: Send {}

impl<W: Watcher + Send> Watch for W {}

/// How a watch on a folder and everything in it is started.
pub type StartWatch = fn(&Path, &Hints) -> (Option<Box<dyn Watch>>, notify::Result<()>);

/// Starts the system's watch on a folder. What could be watched stays watched when there is an error.
pub fn start(folder: &Path, hints: &Hints) -> (Option<Box<dyn Watch>>, notify::Result<()>) {
    let heard = hints.clone();
    let config = Config::default().with_follow_symlinks(false);
    match RecommendedWatcher::new(move |said| heard.hear(said), config) {
        Ok(mut watcher) => {
            let started = watcher.watch(folder, RecursiveMode::Recursive);
            (Some(Box::new(watcher)), started)
        }
        Err(error) => (None, Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, DataChange, Flag};

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    #[test]
    fn an_overflow_without_a_path_asks_for_a_rescan() {
        let hints = Hints::default();
        hints.hear(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(hints.take().rescan);
        assert_eq!(hints.take(), Said::default());
    }

    #[test]
    fn reading_and_other_files_are_not_heard() {
        let hints = Hints::default();
        hints.hear(Ok(event(EventKind::Access(AccessKind::Any), "/p/a.jsonl")));
        hints.hear(Ok(event(WRITTEN, "/p/tool-results/x.txt")));
        assert_eq!(hints.take(), Said::default());
    }

    #[test]
    fn transcripts_and_new_folders_are_heard_once() {
        let hints = Hints::default();
        for _ in 0..3 {
            hints.hear(Ok(event(WRITTEN, "/p/a.jsonl")));
        }
        assert!(hints.lock().folders.is_empty());
        hints.hear(Ok(event(EventKind::Create(CreateKind::Folder), "/p/new")));
        let said = hints.take();
        assert_eq!(said.paths, HashSet::from(["/p/a.jsonl".into()]));
        assert_eq!(said.folders, HashSet::from(["/p/new".into()]));
        assert!(!said.rescan && !said.failed);
    }

    #[test]
    fn too_many_paths_become_a_rescan() {
        let hints = Hints::default();
        for number in 0..=MAX_PATHS {
            hints.hear(Ok(event(WRITTEN, &format!("/p/{number}.jsonl"))));
        }
        let said = hints.take();
        assert!(said.rescan && said.paths.is_empty());
    }

    #[test]
    fn an_error_is_a_failure_and_a_rescan() {
        let hints = Hints::default();
        hints.hear(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        let said = hints.take();
        assert!(said.failed && said.rescan);
    }
}
