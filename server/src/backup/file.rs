//! A file that is there under its name when it is whole, and not before.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::BackupError;
use crate::files;

/// A file under a name of its own until it is done; gone when it is dropped before.
#[derive(Debug)]
pub(super) struct Unfinished {
    part: PathBuf,
    target: PathBuf,
    is_done: bool,
}

impl Unfinished {
    /// Begins, with what an earlier attempt may have left cleared away. Readable by its owner alone.
    pub(super) fn begin(target: &Path) -> Result<Self, BackupError> {
        let part = files::beside(target, ".part");
        let unfinished = Self { part, target: target.to_owned(), is_done: false };
        unfinished.refuse_existing()?;
        unfinished
            .forget_part()
            .and_then(|()| unfinished.create())
            .map_err(|error| unfinished.failed(error))?;
        Ok(unfinished)
    }

    /// Where it is written.
    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// Gives it its name once it is on the disk; answers its size.
    pub(super) fn finish(mut self) -> Result<u64, BackupError> {
        self.refuse_existing()?;
        let named = || {
            let file = File::open(&self.part)?;
            file.sync_all()?;
            let bytes = file.metadata()?.len();
            fs::rename(&self.part, &self.target)?;
            let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(bytes)
        };
        let bytes = named().map_err(|error| self.failed(error))?;
        self.is_done = true;
        Ok(bytes)
    }

    pub(super) fn failed(&self, error: io::Error) -> BackupError {
        BackupError::Write { path: self.target.clone(), error }
    }

    fn refuse_existing(&self) -> Result<(), BackupError> {
        // a dangling link is something too
        match fs::symlink_metadata(&self.target) {
            Ok(_) => Err(BackupError::Exists(self.target.clone())),
            Err(_) => Ok(()),
        }
    }

    fn create(&self) -> io::Result<()> {
        files::private().create_new(true).open(&self.part).map(|_| ())
    }

    fn forget_part(&self) -> io::Result<()> {
        match fs::remove_file(&self.part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_done {
            // what cannot be removed is cleared away by the next attempt
            let _ = self.forget_part();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_taken_when_the_file_is_whole_and_never_twice() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.db");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        fs::write(folder.path().join("x.db.part"), "of an attempt that was killed").unwrap();
        let given_up = Unfinished::begin(&target).unwrap();
        assert_eq!(fs::read(given_up.path()).unwrap(), b"");
        drop(given_up);
        assert_eq!(names(), 0);
        let whole = Unfinished::begin(&target).unwrap();
        fs::write(whole.path(), "whole").unwrap();
        assert!(!target.exists());
        assert_eq!(whole.finish().unwrap(), 5);
        assert_eq!((fs::read(&target).unwrap(), names()), (b"whole".to_vec(), 1));
        assert!(matches!(Unfinished::begin(&target), Err(BackupError::Exists(_))));
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_with_the_name() {
        let error = Unfinished::begin(Path::new("/nowhere/at/all.db")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/at/all.db cannot be written"), "{error}");
    }
}
