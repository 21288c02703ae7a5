//! A database in a file.

use std::path::PathBuf;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use vibetea_protocol::Clock;
use vibetea_server::store::{OnLive, OpenError, Route, SqliteOptions, Store};

use crate::mount::Mount;
use crate::support::{Place, insert};
use crate::versions::{migrations, rows};

pub(crate) type Options = SqliteOptions;

/// A payload is kept as it was sent, byte for byte.
pub(crate) const KEEPS_BYTES: bool = true;

/// Statements that break what the server knows of stored ids: at a restart, and after each request.
pub(crate) const FORGETFUL: [[&str; 2]; 2] = [
    ["UPDATE indexed SET through = 1000000", ""],
    ["", "UPDATE indexed SET through = (SELECT max(seq) FROM event)"],
];

/// How many random cases are tried.
pub(crate) fn cases(of_a_file: u32) -> u32 {
    of_a_file
}

/// See the module.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("vibetea.db")
    }

    pub(crate) fn options(&self) -> Options {
        Options { lock_wait: Duration::ZERO, ..Options::new(self.path()) }
    }

    /// Options with which ids move about as often as they can.
    pub(crate) fn restless_options(&self) -> Options {
        Options { settle_at: 70, ..self.options() }
    }

    pub(crate) fn shell(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.shell().execute_batch(sql).unwrap();
    }

    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        let shell = self.shell();
        let mut select = shell.prepare(sql).unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub(crate) fn clear(&self) {
        self.execute(
            "BEGIN; DELETE FROM event; DELETE FROM hourly; DELETE FROM tally; DELETE FROM quarterly; DELETE FROM daily; DELETE FROM periodic;
             DELETE FROM session; DELETE FROM session_quarter; DELETE FROM session_tool; DELETE FROM session_agent;
             COMMIT",
        );
    }

    /// A closed store leaves its file to others, with everything in it.
    #[expect(clippy::unused_async, reason = "elsewhere there is something to wait for")]
    pub(crate) async fn assert_closed(&self) {
        let wal = self.path().with_extension("db-wal");
        assert!(
            std::fs::metadata(wal).map_or(0, |file| file.len()) == 0,
            "the log was moved into the database"
        );
    }
}

impl Place {
    /// In a folder on a file system of its own.
    pub(crate) fn on(mount: &Mount) -> Self {
        Self::at(Home { folder: TempDir::new_in(mount.path()).unwrap() })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path()
    }

    /// A connection as a person with the shell would have it.
    pub(crate) fn shell(&self) -> Connection {
        self.home.shell()
    }

    /// In how many transactions events were stored that are in the live stream.
    pub(crate) fn live_commits(&self) -> usize {
        self.tellings.load(std::sync::atomic::Ordering::Relaxed)
    }
}

pub(crate) async fn open(options: Options, clock: Clock, on_live: OnLive) -> Result<Store, OpenError> {
    Store::open_sqlite(options, clock, on_live).await
}

/// The blob of these bytes.
pub(crate) fn blob(hex: &str) -> String {
    format!("x'{hex}'")
}

/// A store as a release of that version left it.
pub(crate) fn make_version(home: &Home, version: i64) {
    std::fs::create_dir_all(home.path().parent().unwrap()).unwrap();
    home.execute(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
         checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    );
    for migration in migrations("sqlite").into_iter().filter(|migration| migration.version <= version) {
        home.execute(&migration.text);
        home.execute(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({}, '{}', TRUE, {}, 1)",
            migration.version,
            migration.description,
            blob(&migration.checksum)
        ));
    }
    home.execute(&rows(include_str!("versions/sqlite.sql"), version));
}

/// Lets the writer go on when it is dropped.
pub(crate) struct Gate {
    _open: mpsc::SyncSender<()>,
}

/// A store whose writer stands in the broadcast of event 0 until the gate is dropped.
pub(crate) async fn held_up(place: &Place, change: impl FnOnce(&mut Options)) -> (Store, Gate) {
    let (open, gate) = mpsc::sync_channel::<()>(0);
    let (standing, stands) = tokio::sync::oneshot::channel();
    let standing = Mutex::new(Some(standing));
    let gate = Mutex::new(gate);
    let recorder = place.recorder();
    let mut options = place.options();
    change(&mut options);
    let on_live = Box::new(move |live: &[_]| {
        recorder(live);
        if let Some(standing) = standing.lock().unwrap().take() {
            standing.send(()).unwrap();
            let _ = gate.lock().unwrap().recv();
        }
    });
    let store = place.open_as(options, on_live).await.unwrap();
    let first = store.clone();
    tokio::spawn(async move { insert(&first, "laptop", Route::Live, [0]).await });
    stands.await.unwrap();
    (store, Gate { _open: open })
}
