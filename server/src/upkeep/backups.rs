//! Copies of the store at intervals, of which the newest stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::{Clock, Timestamp};

use super::UpkeepMetrics;
use crate::backup::{self, BackupError, Made, Origin};
use crate::config::Backups;
use crate::files::make_folder;
use crate::store::{CopyError, StoreError};

/// A start is for the monitors that wait.
const FIRST_AFTER: Duration = Duration::from_secs(20);
/// Between attempts after one that failed, unless copies come more often.
const RETRY: Duration = Duration::from_mins(15);
const PREFIX: &str = "vibetea-";

/// Makes copies of one store in one folder.
#[derive(Debug)]
pub struct Copies {
    wanted: Backups,
    origin: Origin,
    clock: Clock,
    metrics: Arc<UpkeepMetrics>,
}

impl Copies {
    /// Nothing is made yet.
    pub fn new(wanted: Backups, origin: Origin, clock: Clock, metrics: Arc<UpkeepMetrics>) -> Self {
        Self { wanted, origin, clock, metrics }
    }

    pub(super) async fn run(self, stop: CancellationToken) {
        let copies = Arc::new(self);
        let mut pause = copies.until_due().max(FIRST_AFTER);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = Arc::clone(&copies).attempt(&stop).await;
        }
    }

    /// Makes one, and says so; answers how long to wait for the next.
    async fn attempt(self: Arc<Self>, stop: &CancellationToken) -> Duration {
        let (copies, its_stop) = (Arc::clone(&self), stop.clone());
        let done = tokio::task::spawn_blocking(move || copies.make(&its_stop)).await;
        let done =
            done.unwrap_or_else(|error| Err(CopyError::from(StoreError::Internal(error.to_string())).into()));
        match done {
            Ok((path, Made { digest, bytes })) => {
                tracing::info!(path = %path.display(), bytes, events = digest.events, "the store was copied");
                self.wanted.every
            }
            // whatever went wrong then
            Err(_) if stop.is_cancelled() => self.wanted.every,
            // another server of the same database makes it, and theirs counts as well
            Err(BackupError::Copy(CopyError::Busy)) => {
                tracing::info!("the store is being copied by another process");
                self.wanted.every
            }
            Err(error) => {
                self.metrics.backup_failures.inc();
                tracing::error!(%error, "the store cannot be copied");
                RETRY.min(self.wanted.every)
            }
        }
    }

    /// Makes one now and deletes those that are too many. Blocks.
    pub fn make(&self, stop: &CancellationToken) -> Result<(PathBuf, Made), BackupError> {
        let folder = &self.wanted.folder;
        let write = |error| BackupError::Write { path: folder.clone(), error };
        make_folder(folder).map_err(write)?;
        let now = self.clock.now();
        let path = folder.join(name(now, &self.origin));
        let made = backup::make(&self.origin, &path, now, stop)?;
        self.metrics.backups.inc();
        self.metrics.backup_time.set(now.as_micros() / 1_000_000);
        self.metrics.backup_bytes.set(i64::try_from(made.bytes).unwrap_or(i64::MAX));
        forget_oldest(folder, self.origin.extension(), self.wanted.keep).map_err(write)?;
        Ok((path, made))
    }

    /// A restart is no reason for another copy.
    fn until_due(&self) -> Duration {
        let newest = newest_copy(&self.wanted.folder, self.origin.extension());
        let Some((made, path)) = newest else { return Duration::ZERO };
        self.metrics.backup_time.set(made.as_micros() / 1_000_000);
        let bytes = fs::metadata(path).map_or(0, |file| file.len());
        self.metrics.backup_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        // one of the future says nothing
        let age =
            u64::try_from(self.clock.now().since(made)).map_or(self.wanted.every, Duration::from_micros);
        self.wanted.every.saturating_sub(age)
    }
}

/// `vibetea-20260203T143000Z.db`
fn name(now: Timestamp, origin: &Origin) -> String {
    let text = now.to_string();
    let stamp: String = text.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{PREFIX}{stamp}Z.{}", origin.extension())
}

/// When a copy of that name was begun; none for other names.
fn time_of(name: &str, extension: &str) -> Option<Timestamp> {
    let stamp = name.strip_prefix(PREFIX)?.strip_suffix(extension)?.strip_suffix("Z.")?;
    let (date, time) = stamp.split_once('T').filter(|_| stamp.len() == 15 && stamp.is_ascii())?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..8)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..6)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

/// The copies in a folder, oldest first.
fn copies(folder: &Path, extension: &str) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let time = entry.file_name().to_str().and_then(|name| time_of(name, extension));
        found.extend(time.map(|time| (time, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// The newest copy in a folder and when it was begun.
pub fn newest_copy(folder: &Path, extension: &str) -> Option<(Timestamp, PathBuf)> {
    copies(folder, extension).ok()?.pop()
}

fn forget_oldest(folder: &Path, extension: &str, keep: usize) -> io::Result<()> {
    let mut found = copies(folder, extension)?;
    found.truncate(found.len().saturating_sub(keep));
    found.iter().try_for_each(|(_, path)| fs::remove_file(path))?;
    // halves of copies that were killed; the lock of the store keeps two from being made at once
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let half = name.to_str().and_then(|name| name.strip_suffix(".part"));
        if half.is_some_and(|name| time_of(name, extension).is_some()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod rounds;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time_and_others_are_left_alone() {
        let origin = Origin::Sqlite("x.db".into());
        let now: Timestamp = "2026-02-03T14:30:05.25Z".parse().unwrap();
        assert_eq!(name(now, &origin), "vibetea-20260203T143005Z.db");
        assert_eq!(
            time_of("vibetea-20260203T143005Z.db", "db"),
            Some("2026-02-03T14:30:05Z".parse().unwrap())
        );
        for other in [
            "vibetea.db",
            "vibetea-20260203T143005Z.backup",
            "vibetea-20261303T143005Z.db",
            "vibetea-é0260203T14300Z.db",
            "notes-20260203T143005Z.db",
        ] {
            assert_eq!(time_of(other, "db"), None, "{other}");
        }
        let folder = tempfile::tempdir().unwrap();
        let there = || {
            let mut names: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        for day in 1..=4 {
            fs::write(folder.path().join(format!("vibetea-2026020{day}T000000Z.db")), "").unwrap();
        }
        for other in ["vibetea-20260101T000000Z.backup", "mine.db", "vibetea-20260101T000000Z.db.part"] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        forget_oldest(folder.path(), "db", 2).unwrap();
        assert_eq!(
            there(),
            [
                "mine.db",
                "vibetea-20260101T000000Z.backup",
                "vibetea-20260203T000000Z.db",
                "vibetea-20260204T000000Z.db"
            ]
        );
        let newest = newest_copy(folder.path(), "db").unwrap();
        assert_eq!(newest.0, "2026-02-04T00:00:00Z".parse().unwrap());
    }
}
