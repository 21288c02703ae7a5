//! What a running monitor tells other processes of itself: how it notices changes, what keeps it from reading, how
//! far it is with history. Whether it still runs, the lock of its store says.
//!
//! A file beside the store, written over in place: that also works on a full disk, which is one of the things it has
//! to tell.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::debug;
use vibetea_protocol::{Clock, SourceId, Timestamp};

use crate::config::Shipping;
use crate::pipeline::{Health, Progress};

const FILE: &str = "running.json";
/// The text is filled up to this length, so that the file keeps it.
const LENGTH: usize = 4096;
/// Time between two writes at least.
const PAUSE: Duration = Duration::from_secs(1);

/// A running monitor, as it was last written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Version of the program.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The name it sends under.
    pub source: String,
    /// Where live events go.
    pub live: String,
    /// Where batches go.
    pub batches: String,
    /// How it notices changes and what keeps it from reading.
    pub health: Health,
    /// Since when it follows and pauses as it does now.
    pub since: Timestamp,
    /// How far it is with what was there at the start.
    pub history: Progress,
}

impl Running {
    /// Just started.
    pub fn new(source: &SourceId, shipping: &Shipping, now: Timestamp) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: now,
            source: source.as_str().to_owned(),
            live: shipping.live_url.to_string(),
            batches: shipping.batch_url.to_string(),
            health: Health::default(),
            since: now,
            history: Progress::default(),
        }
    }

    /// What the monitor in `state_dir` wrote down last; `None` where nothing can be read.
    pub fn read(state_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(state_dir.join(FILE)).ok()?;
        // what follows the first value is filling
        serde_json::Deserializer::from_str(&text).into_iter().next()?.ok()
    }

    fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.resize(text.len().max(LENGTH), b' ');
        text
    }
}

/// Writes down every change, until the reader has ended.
pub(crate) async fn tell(
    mut running: Running,
    state_dir: PathBuf,
    mut progress: watch::Receiver<Progress>,
    mut health: watch::Receiver<Health>,
    clock: Clock,
) {
    let file = match open(&state_dir) {
        Ok(file) => Arc::new(file),
        Err(error) => return debug!(%error, "what the monitor does is not written down"),
    };
    loop {
        let now = *health.borrow_and_update();
        if (now.following, now.pause) != (running.health.following, running.health.pause) {
            running.since = clock.now();
        }
        running.health = now;
        running.history = *progress.borrow_and_update();
        let (text, file) = (running.text(), file.clone());
        let written = tokio::task::spawn_blocking(move || file.write_all_at(&text, 0)).await;
        if let Ok(Err(error)) = written {
            debug!(%error, "what the monitor does was not written down");
        }
        sleep(PAUSE).await;
        let changed = tokio::select! {
            changed = health.changed() => changed,
            changed = progress.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn open(state_dir: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(state_dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Following, Pause};

    fn running() -> Running {
        let shipping = Shipping {
            live_url: "http://127.0.0.1:8080/events".parse().unwrap(),
            batch_url: "http://127.0.0.1:8080/ingest".parse().unwrap(),
            hosted: false,
            batch_interval: Duration::from_mins(1),
            retry_limit: 3,
            buffer_size: 1000,
            ca_cert: None,
        };
        Running::new(&"laptop".parse().unwrap(), &shipping, "2026-02-03T14:30:00Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn every_change_is_written_down_until_the_reader_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (progress, progress_seen) = watch::channel(Progress::default());
        let (health, health_seen) = watch::channel(Health::default());
        let telling = tokio::spawn(tell(running(), path.clone(), progress_seen, health_seen, Clock::System));
        let paused =
            Health { following: Following::Polling, pause: Some(Pause::DiskFull), ..Health::default() };
        health.send_replace(paused);
        progress.send_replace(Progress { events: 7, ..Progress::default() });
        drop((progress, health));
        telling.await.unwrap();
        let read = Running::read(&path).unwrap();
        assert_eq!((read.health, read.history.events), (paused, 7));
        assert_eq!(std::fs::metadata(path.join(FILE)).unwrap().len(), LENGTH as u64);
    }

    #[test]
    fn what_a_longer_text_left_behind_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = open(folder.path()).unwrap();
        file.write_all_at(&[b'x'; 2 * LENGTH], 0).unwrap();
        assert_eq!(Running::read(folder.path()), None);
        file.write_all_at(&running().text(), 0).unwrap();
        assert_eq!(Running::read(folder.path()), Some(running()));
    }
}
