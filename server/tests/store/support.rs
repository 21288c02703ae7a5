//! Stores in temporary folders and events to put into them.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rusqlite::Connection;
use tempfile::TempDir;
use vibetea_protocol::{Clock, EventId, EventType, SourceId, Timestamp};
use vibetea_server::store::{
    LiveEvent, NewBatch, NewEvent, OnLive, OpenError, Route, SqliteOptions, Store, StoreError,
};

/// A folder with a database, a clock that stands and what was broadcast.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) clock: Clock,
    pub(crate) broadcast: Arc<Mutex<Vec<LiveEvent>>>,
    commits: Arc<AtomicUsize>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let clock = Clock::fixed(at("2026-02-03T14:30:00Z"));
        Self { folder: TempDir::new().unwrap(), clock, broadcast: Arc::default(), commits: Arc::default() }
    }

    /// The same on a file system of its own.
    pub(crate) fn on(mount: &Mount) -> Self {
        Self { folder: TempDir::new_in(mount.path()).unwrap(), ..Self::new() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("vibetea.db")
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        let mut options = SqliteOptions::new(self.path());
        options.lock_wait = std::time::Duration::ZERO;
        options
    }

    pub(crate) fn recorder(&self) -> OnLive {
        let broadcast = Arc::clone(&self.broadcast);
        let commits = Arc::clone(&self.commits);
        Box::new(move |live| {
            commits.fetch_add(1, Ordering::Relaxed);
            broadcast.lock().unwrap().extend_from_slice(live);
        })
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        Store::open_sqlite(self.options(), self.clock.clone(), self.recorder()).await
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    /// How often the live stream was told of something.
    pub(crate) fn commits(&self) -> usize {
        self.commits.load(Ordering::Relaxed)
    }

    /// A connection as a person with the shell would have it.
    pub(crate) fn shell(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// Ids of what was broadcast, in order.
    pub(crate) fn broadcast_ids(&self) -> Vec<String> {
        self.broadcast.lock().unwrap().iter().map(|live| live.event.id.to_string()).collect()
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn source(name: &str) -> Arc<SourceId> {
    Arc::new(name.parse().unwrap())
}

/// Numbers of one database between two calls of [`clear`].
const NUMBERS: u64 = 1_000_000;

thread_local! {
    /// How often [`clear`] was called: the server remembers ids, so what comes after has others.
    static CLEARED: Cell<u64> = const { Cell::new(0) };
}

/// The id of that number.
pub(crate) fn id(number: u64) -> EventId {
    let number = CLEARED.get() * NUMBERS + number;
    format!("evt_{number:020}").parse().unwrap()
}

pub(crate) fn event(number: u64, timestamp: Timestamp) -> NewEvent {
    let event_type = EventType::ALL[usize::try_from(number % 6).unwrap()];
    let payload = Bytes::from(format!(r#"{{"project":"shop","n":{number}}}"#));
    NewEvent::new(id(number), timestamp, event_type, payload)
}

/// Events of those numbers, all at the same moment.
pub(crate) fn batch(name: &str, route: Route, numbers: impl IntoIterator<Item = u64>) -> NewBatch {
    let timestamp = at("2026-02-03T14:05:06.789Z");
    let events = numbers.into_iter().map(|number| event(number, timestamp)).collect();
    NewBatch { source: source(name), route, events }
}

pub(crate) async fn insert(
    store: &Store,
    name: &str,
    route: Route,
    numbers: impl IntoIterator<Item = u64>,
) -> Result<u64, StoreError> {
    store.bulk_insert_events(batch(name, route, numbers)).await
}

/// Numbers of all stored events, read past the store.
pub(crate) fn stored(place: &Place) -> Vec<u64> {
    let connection = place.shell();
    let mut select = connection.prepare("SELECT id FROM event ORDER BY id").unwrap();
    let ids = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    ids.map(|id| id.unwrap().parse::<u64>().unwrap() % NUMBERS).collect()
}

/// An empty database without the cost of a new file for each case. Names stay, for the writer remembers them.
pub(crate) fn clear(place: &Place) {
    CLEARED.set(CLEARED.get() + 1);
    place
        .shell()
        .execute_batch(
            "BEGIN; DELETE FROM event; DELETE FROM hourly; DELETE FROM tally; DELETE FROM quarterly; DELETE FROM daily; DELETE FROM periodic;
             DELETE FROM session; DELETE FROM session_quarter; DELETE FROM session_tool; DELETE FROM session_agent;
             COMMIT",
        )
        .unwrap();
}

/// A small file system of its own, which can be filled and made read-only.
pub(crate) struct Mount(TempDir);

impl Mount {
    /// None, with a word, where mounting is not permitted.
    pub(crate) fn new(options: &str) -> Option<Self> {
        let point = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(point.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("skipped: mounting a small file system is not permitted here");
        }
        mounted.then_some(Self(point))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Mounts it again with that option.
    pub(crate) fn change(&self, option: &str) {
        let option = format!("remount,{option}");
        let status = Command::new("mount").args(["-o", &option]).arg(self.0.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // lazily, for a failed test may have left the database open
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
