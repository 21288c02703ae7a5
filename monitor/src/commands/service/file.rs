//! A file that is ours as long as nobody edits it: its last line holds a checksum of the others.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

const MARK: &str =
    "Written by `vibetea-monitor service install`, which replaces it unless it is edited: checksum ";

/// The text with its last line, a comment.
pub(super) fn marked(text: &str, open: &str, close: &str) -> String {
    format!("{text}{open}{MARK}{}{close}\n", checksum(text))
}

fn checksum(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

fn is_as_written(text: &str) -> bool {
    let body_ends = text.trim_end_matches('\n').rfind('\n').map_or(0, |newline| newline + 1);
    let (body, mark) = text.split_at(body_ends);
    mark.split_once(MARK).is_some_and(|(_, rest)| rest.starts_with(&checksum(body)))
}

/// Fails for a file that was edited, unless `force` says that it may go.
pub(super) fn check_ours(path: &Path, force: bool) -> anyhow::Result<()> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if force || std::str::from_utf8(&text).is_ok_and(is_as_written) {
        return Ok(());
    }
    bail!("{} was edited by hand and is left as it is: --force takes its place", path.display())
}

/// Puts the file in place, whole or not at all; whether one was there before.
pub(super) fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<bool> {
    let there = match fs::symlink_metadata(path) {
        Ok(_) => {
            check_ours(path, force)?;
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
    };
    let fresh = path.with_extension("new");
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&fresh, text))
        .and_then(|()| fs::rename(&fresh, path));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_edited_is_ours() {
        let text = marked("[Unit]\nA=b\n", "# ", "");
        assert!(is_as_written(&text));
        assert!(is_as_written(&marked("<plist/>\n", "<!-- ", " -->")));
        for edited in [
            text.replace("A=b", "A=c"),
            format!("{text}C=d\n"),
            text.lines().take(2).collect::<Vec<_>>().join("\n"),
            String::new(),
        ] {
            assert!(!is_as_written(&edited), "{edited}");
        }
    }

    #[test]
    fn an_edited_file_goes_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/unit.service");
        let text = marked("A=b\n", "# ", "");
        assert!(!write(&path, &text, false).unwrap());
        assert!(write(&path, &text, false).unwrap());
        fs::write(&path, "mine\n").unwrap();
        let error = write(&path, &text, false).unwrap_err().to_string();
        assert!(error.contains("--force"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
        assert!(write(&path, &text, true).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
