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

/// Every plain file at or below `start` that `follow` wants, by its path below `root`. Links are not followed,
/// and what cannot be read is left out.
pub(super) fn scan(
    root: &Path,
    start: &Path,
    follow: fn(&str) -> bool,
    warned: &mut Warned,
    found: &mut impl FnMut(String, Stat),
) {
    let Ok(metadata) = std::fs::symlink_metadata(start) else { return };
    if metadata.is_file() {
        if let Some(path) = relative(root, start).filter(|path| follow(path)) {
            found(path, Stat::of(&metadata));
        }
        return;
    }
    // the watched folder itself may be a link: that is the operator's choice
    if !(metadata.is_dir() || start == root) {
        return;
    }
    let Some(entries) = read_dir(start, warned) else { return };
    let mut folders = vec![(start.to_owned(), entries)];
    while let Some((folder, entries)) = folders.last_mut() {
        let Some(entry) = entries.next() else {
            folders.pop();
            continue;
        };
        let Ok(entry) = entry.inspect_err(|error| warned.say(folder, error)) else { continue };
        if let Some(inner) = look(root, &entry, follow, found)
            && folders.len() < MAX_DEPTH
            && let Some(entries) = read_dir(&inner, warned)
        {
            folders.push((inner, entries));
        }
    }
}

/// Reports a file; answers a folder to go into.
fn look(
    root: &Path,
    entry: &DirEntry,
    follow: fn(&str) -> bool,
    found: &mut impl FnMut(String, Stat),
) -> Option<PathBuf> {
    let kind = entry.file_type().ok()?;
    if kind.is_dir() {
        return Some(entry.path());
    }
    if kind.is_file()
        && let Some(path) = relative(root, &entry.path()).filter(|path| follow(path))
        // of the entry itself, not of what a link that replaced it points to
        && let Ok(metadata) = entry.metadata()
    {
        found(path, Stat::of(&metadata));
    }
    None
}

fn read_dir(folder: &Path, warned: &mut Warned) -> Option<ReadDir> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Some(entries),
        // it went away since it was seen
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warned.say(folder, &error);
            None
        }
    }
}

/// The path below `root` with '/' between its components; `None` for names that are no text.
pub(super) fn relative(root: &Path, path: &Path) -> Option<String> {
    let mut relative = String::new();
    for component in path.strip_prefix(root).ok()? {
        if !relative.is_empty() {
            relative.push('/');
        }
        relative.push_str(component.to_str()?);
    }
    (!relative.is_empty()).then_some(relative)
}
