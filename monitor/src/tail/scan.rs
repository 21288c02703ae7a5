//! A walk through the watched folder: the truth that file events only hint at.

use std::collections::HashSet;
use std::fs::{DirEntry, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::file::Stat;

const MAX_DEPTH: usize = 16;
const MAX_WARNINGS: usize = 256;

/// Says each path's trouble once.
#[derive(Debug, Default)]
pub(super) struct Warned {
    paths: HashSet<PathBuf>,
}

impl Warned {
    pub(super) fn places(&self) -> usize {
        self.paths.len()
    }

    pub(super) fn say(&mut self, path: &Path, error: &io::Error) {
        if self.paths.len() < MAX_WARNINGS && self.paths.insert(path.to_owned()) {
            // the kind alone: a path can hold names
            warn!(error = %error.kind(), "part of the transcripts folder cannot be read and is left out");
        }
    }
}

/// What a walk comes across.
pub(super) trait Seen {
    /// A plain file that is followed, by its path below the root.
    fn file(&mut self, path: &str, stat: Stat);
    /// A folder that is about to be listed; none of what it holds has been seen.
    fn folder(&mut self, path: &str, modified: i64);
}

/// Where to walk.
pub(super) struct Walk<'a> {
    pub(super) root: &'a Path,
    pub(super) follow: fn(&str) -> bool,
    pub(super) warned: &'a mut Warned,
    /// Files and folders that were looked at.
    pub(super) looked: &'a mut u64,
}

/// One folder that is being walked through.
struct Open {
    folder: PathBuf,
    /// Length of its path below the root, with a '/' at its end where there is one.
    prefix: usize,
    entries: ReadDir,
}

impl Walk<'_> {
    /// Everything at or below `start`. Links are not followed, and what cannot be read is left out.
    pub(super) fn all(&mut self, start: &Path, seen: &mut impl Seen) {
        let Some(metadata) = self.look(start) else { return };
        let Some(mut path) = relative(self.root, start) else { return };
        if metadata.is_file() {
            if (self.follow)(&path) {
                seen.file(&path, Stat::of(&metadata));
            }
            return;
        }
        if !metadata.is_dir() {
            return;
        }
        seen.folder(&path, Stat::of(&metadata).modified);
        let mut open: Vec<Open> = self.open(start.to_owned(), &mut path).into_iter().collect();
        while let Some(Open { folder, prefix, entries }) = open.last_mut() {
            path.truncate(*prefix);
            let Some(entry) = entries.next() else {
                open.pop();
                continue;
            };
            let Ok(entry) = entry.inspect_err(|error| self.warned.say(folder, error)) else { continue };
            let deep = open.len() >= MAX_DEPTH;
            if let Some(inner) = self.entry(&entry, &mut path, seen)
                && !deep
            {
                open.extend(self.open(inner, &mut path));
            }
        }
    }

    /// What stands directly in a folder: files of which `is_new` is true, and everything in folders of which it is.
    pub(super) fn new_in(&mut self, folder: &str, is_new: impl Fn(&str) -> bool, seen: &mut impl Seen) {
        let mut path = folder.to_owned();
        let location = self.root.join(folder);
        let Some(Open { prefix, entries, .. }) = self.open(location, &mut path) else { return };
        for entry in entries.flatten() {
            path.truncate(prefix);
            let (Some(name), Ok(kind)) = (entry.file_name().to_str().map(str::to_owned), entry.file_type())
            else {
                continue;
            };
            path.push_str(&name);
            let followed = kind.is_dir() || (kind.is_file() && (self.follow)(&path));
            if followed && is_new(&path) {
                self.all(&entry.path(), seen);
            }
        }
    }

    /// A path's metadata, not of what a link points to; the watched folder itself may be a link, which is the
    /// operator's choice.
    pub(super) fn look(&mut self, path: &Path) -> Option<std::fs::Metadata> {
        *self.looked += 1;
        let metadata =
            if path == self.root { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
        metadata.ok()
    }

    /// Reports a file; answers a folder to go into. `path` is that of the folder and becomes that of the entry.
    fn entry(&mut self, entry: &DirEntry, path: &mut String, seen: &mut impl Seen) -> Option<PathBuf> {
        let kind = entry.file_type().ok()?;
        path.push_str(entry.file_name().to_str()?);
        if !(kind.is_dir() || kind.is_file() && (self.follow)(path)) {
            return None;
        }
        *self.looked += 1;
        // of the entry itself, not of what a link that replaced it points to
        let metadata = entry.metadata().ok()?;
        if kind.is_dir() {
            seen.folder(path, Stat::of(&metadata).modified);
            return Some(entry.path());
        }
        if metadata.is_file() {
            seen.file(path, Stat::of(&metadata));
        }
        None
    }

    fn open(&mut self, folder: PathBuf, path: &mut String) -> Option<Open> {
        match std::fs::read_dir(&folder) {
            Ok(entries) => {
                if !path.is_empty() {
                    path.push('/');
                }
                Some(Open { folder, prefix: path.len(), entries })
            }
            // it went away since it was seen
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.warned.say(&folder, &error);
                None
            }
        }
    }
}

/// The path below `root` with '/' between its components, empty for the root itself; `None` for names that are no
/// text.
pub(super) fn relative(root: &Path, path: &Path) -> Option<String> {
    let mut relative = String::new();
    for component in path.strip_prefix(root).ok()? {
        if !relative.is_empty() {
            relative.push('/');
        }
        relative.push_str(component.to_str()?);
    }
    Some(relative)
}
