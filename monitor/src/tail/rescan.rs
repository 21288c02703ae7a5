//! Looks at files and folders without opening them, to find what has changed.
//!
//! A look at everything ([`Tail::scan`]) is the truth. Between two of them [`Tail::glance`] looks only where
//! something is likely: at files that changed not long ago, and at folders that may hold new ones.

use std::collections::HashMap;
use std::path::Path;

use super::scan::{Seen, Walk};
use super::{Class, Hands, LIVE_BYTES, LIVE_NANOS, Stat, Tail, Tracked, queue};

/// Files and folders that changed within this time are likely to change again, in nanoseconds.
const WARM_NANOS: i64 = 3600 * 1_000_000_000;
/// A folder that changed this short before it was listed can change again without showing it, in nanoseconds.
const GRAIN_NANOS: i64 = 2 * 1_000_000_000;
/// Stands for the time of a folder that has to be listed again whatever it shows.
const UNSURE: i64 = i64::MAX;

/// What a walk found.
#[derive(Default)]
struct Changes {
    files: Vec<(String, Stat)>,
    folders: Vec<(String, i64)>,
}

/// Takes note of folders, and of files where they are not as they were read.
struct Found<'a> {
    known: &'a HashMap<String, Tracked>,
    changes: Changes,
}

impl<'a> Found<'a> {
    fn unless_in(known: &'a HashMap<String, Tracked>) -> Self {
        Self { known, changes: Changes::default() }
    }
}

impl Seen for Found<'_> {
    fn file(&mut self, path: &str, stat: Stat) {
        if self.known.get(path).is_none_or(|tracked| tracked.shows_change(stat)) {
            self.changes.files.push((path.to_owned(), stat));
        }
    }

    fn folder(&mut self, path: &str, modified: i64) {
        self.changes.folders.push((path.to_owned(), modified));
    }
}

impl Tracked {
    fn shows_change(&self, stat: Stat) -> bool {
        self.read_to != Some(stat) || self.again
    }
}

impl Tail {
    /// Every followed file that is there now, with how it looks.
    pub fn list(&mut self) -> Vec<(String, Stat)> {
        let nothing = HashMap::new();
        let mut found = Found::unless_in(&nothing);
        let Self { root, follow, warned, touched, .. } = self;
        Walk { root, follow: *follow, warned, looked: &mut touched.looked }.all(root, &mut found);
        found.changes.files
    }

    /// Looks at every file and queues those that changed; `now` in nanoseconds since 1970. Opens none. The
    /// answer is the number of bytes that are not read yet.
    pub fn scan(&mut self, now: i64) -> u64 {
        let Self { root, follow, warned, touched, files, .. } = self;
        let mut found = Found::unless_in(files);
        Walk { root, follow: *follow, warned, looked: &mut touched.looked }.all(root, &mut found);
        let Changes { files: changed, folders } = found.changes;
        self.folders.clear();
        self.note_folders(folders, now);
        self.notice_lost(&changed);
        let mut newest: HashMap<String, i64> = HashMap::new();
        for (path, stat) in &changed {
            let group = newest.entry(queue::group(path).to_owned()).or_insert(i64::MIN);
            *group = (*group).max(stat.modified);
        }
        let mut unread = 0;
        for (path, stat) in changed {
            let newest = newest.get(queue::group(&path)).copied().unwrap_or(stat.modified);
            unread += self.noticed(&path, stat, newest, now);
        }
        self.notice_missing();
        unread
    }

    /// Looks where a change is likely: at files that changed in the last hour, and in folders for new files. What
    /// it does not find, the next [`Tail::scan`] does.
    pub fn glance(&mut self, now: i64) {
        let is_warm = |modified: i64| now.saturating_sub(modified) <= WARM_NANOS;
        let warm = |(path, tracked): (&String, &Tracked)| {
            tracked.read_to.filter(|stat| is_warm(stat.modified)).map(|_| path.clone())
        };
        let files: Vec<String> = self.files.iter().filter_map(warm).collect();
        // new sessions come into the folders of projects, subagents into those of sessions that go on
        let watched = |path: &str, modified: i64| !path.contains('/') || is_warm(modified);
        let folders: Vec<(String, i64)> = self
            .folders
            .iter()
            .filter(|(path, modified)| watched(path, **modified))
            .map(|(path, modified)| (path.clone(), *modified))
            .collect();
        for path in files {
            self.look_again(&path, now);
        }
        for (path, listed) in folders {
            self.look_into(&path, listed, now);
        }
        self.notice_missing();
    }

    fn look_again(&mut self, path: &str, now: i64) {
        let Self { root, follow, warned, touched, files, .. } = self;
        let mut found = Found::unless_in(files);
        Walk { root, follow: *follow, warned, looked: &mut touched.looked }.all(&root.join(path), &mut found);
        for (path, stat) in found.changes.files {
            self.noticed(&path, stat, stat.modified, now);
        }
    }

    fn look_into(&mut self, folder: &str, listed: i64, now: i64) {
        let Self { root, follow, warned, touched, files, folders, .. } = self;
        let mut walk = Walk { root, follow: *follow, warned, looked: &mut touched.looked };
        let location = if folder.is_empty() { root.clone() } else { root.join(folder) };
        let Some(metadata) = walk.look(&location) else {
            folders.remove(folder);
            return;
        };
        let modified = Stat::of(&metadata).modified;
        if modified == listed {
            return;
        }
        let mut found = Found::unless_in(files);
        let is_new = |path: &str| !files.contains_key(path) && !folders.contains_key(path);
        walk.new_in(folder, is_new, &mut found);
        found.changes.folders.push((folder.to_owned(), modified));
        let Changes { files: changed, folders: inner } = found.changes;
        self.note_folders(inner, now);
        for (path, stat) in changed {
            self.noticed(&path, stat, stat.modified, now);
        }
    }

    fn note_folders(&mut self, found: Vec<(String, i64)>, now: i64) {
        for (path, modified) in found {
            let sure = now.saturating_sub(modified) > GRAIN_NANOS;
            self.folders.insert(path, if sure { modified } else { UNSURE });
        }
    }

    /// Looks at one path that something was said about: a file, or a folder with everything in it.
    pub fn look(&mut self, path: &Path, now: i64) {
        let nothing = HashMap::new();
        // a hint is no less true where nothing shows
        let mut found = Found::unless_in(&nothing);
        let Self { root, follow, warned, touched, .. } = self;
        Walk { root, follow: *follow, warned, looked: &mut touched.looked }.all(path, &mut found);
        let Changes { files, folders } = found.changes;
        self.note_folders(folders, now);
        if files.is_empty() {
            self.notice_missing();
        }
        for (path, stat) in files {
            if let Some(tracked) = self.files.get_mut(&path) {
                tracked.read_to = None;
            }
            self.noticed(&path, stat, stat.modified, now);
        }
    }

    /// Queues the file unless nothing shows; the number of bytes that are not read yet.
    fn noticed(&mut self, path: &str, stat: Stat, newest: i64, now: i64) -> u64 {
        let tracked = self.files.entry(path.to_owned()).or_default();
        tracked.seen = stat;
        if !tracked.shows_change(stat) {
            return 0;
        }
        tracked.again = false;
        let unread = stat.size.saturating_sub(tracked.position.offset);
        if tracked.hands != Hands::Free {
            tracked.hands = Hands::CallerAndChanged;
            return unread;
        }
        let fresh = now.saturating_sub(stat.modified) <= LIVE_NANOS && unread <= LIVE_BYTES;
        let class = if tracked.caught_up || fresh { Class::Live } else { Class::History };
        self.queue.push(path, class, newest);
        unread
    }

    /// A file that is open but gone from its path still has to be read to its end and closed.
    fn notice_missing(&mut self) {
        for path in &self.open {
            self.touched.looked += 1;
            let here = std::fs::symlink_metadata(self.root.join(path)).is_ok();
            if !here && self.files.get(path).is_some_and(|tracked| tracked.hands == Hands::Free) {
                self.queue.push(path, Class::Live, 0);
            }
        }
    }
}
