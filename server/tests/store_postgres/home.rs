//! A database on a server that the tests of a run share.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use vibetea_protocol::Clock;
use vibetea_server::store::{OnLive, OpenError, PostgresOptions, Route, Store};
use vibetea_testkit::{Cluster, Database, Shell};

use crate::support::{DEADLINE, Place, insert, is_soak};
use crate::versions::{migrations, rows};

pub(crate) type Options = PostgresOptions;

/// A payload is kept as the value it is.
pub(crate) const KEEPS_BYTES: bool = false;

/// Statements that break what the server knows of stored ids: at a restart, and after each request.
pub(crate) const FORGETFUL: [[&str; 2]; 2] = [
    // what was broadcast is broadcast again
    ["UPDATE events SET live = NULL", ""],
    ["", "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)"],
];

/// How many random cases are tried: a commit is a round trip and a write to disk. All of them in the long form.
pub(crate) fn cases(of_a_file: u32) -> u32 {
    if is_soak() { of_a_file } else { of_a_file.div_ceil(8) }
}

/// See the module.
pub(crate) struct Home {
    pub(crate) database: Database,
    shell: RefCell<Shell>,
}

impl Home {
    pub(crate) fn new() -> Self {
        // every test of this program needs one, so the rest of a process that has none is over
        let cluster = Cluster::shared().unwrap_or_else(|| std::process::exit(0));
        Self::of(cluster)
    }

    pub(crate) fn of(cluster: &Cluster) -> Self {
        let database = cluster.database();
        let shell = RefCell::new(database.shell());
        Self { database, shell }
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(self.database.url())
    }

    /// The ids are the database's.
    pub(crate) fn restless_options(&self) -> Options {
        self.options()
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.shell.borrow_mut().execute(sql);
    }

    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        self.shell.borrow_mut().column(sql)
    }

    pub(crate) fn clear(&self) {
        self.execute(
            "DELETE FROM events; DELETE FROM hourly; DELETE FROM tally; DELETE FROM quarterly; DELETE FROM daily; DELETE FROM periodic;
             DELETE FROM session; DELETE FROM session_quarter; DELETE FROM session_tool; DELETE FROM session_agent",
        );
    }

    /// Sessions of servers.
    pub(crate) fn sessions(&self) -> usize {
        let sessions =
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'vibetea'";
        self.column(sessions).len()
    }

    /// A closed store leaves no session behind.
    pub(crate) async fn assert_closed(&self) {
        let start = Instant::now();
        while self.sessions() > 0 {
            assert!(start.elapsed() < DEADLINE, "sessions are open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Place {
    /// In how many transactions events were stored that are in the live stream.
    pub(crate) fn live_commits(&self) -> usize {
        self.column("SELECT DISTINCT xmin::text FROM events WHERE live IS NOT NULL").len()
    }
}

pub(crate) async fn open(options: Options, clock: Clock, on_live: OnLive) -> Result<Store, OpenError> {
    Store::open_postgres(options, clock, on_live).await
}

/// The blob of these bytes.
pub(crate) fn blob(hex: &str) -> String {
    format!(r"'\x{hex}'")
}

/// A store as a release of that version left it.
pub(crate) fn make_version(home: &Home, version: i64) {
    let mut shell = home.database.owners_shell();
    shell.execute(
        "CREATE SCHEMA vibetea; CREATE TABLE vibetea._sqlx_migrations (version BIGINT PRIMARY KEY,
         description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL,
         checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)",
    );
    for migration in migrations("postgres").into_iter().filter(|migration| migration.version <= version) {
        shell.execute(&migration.text);
        shell.execute(&format!(
            "INSERT INTO vibetea._sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({}, '{}', TRUE, {}, 1)",
            migration.version,
            migration.description,
            blob(&migration.checksum)
        ));
    }
    shell.execute(&rows(include_str!("../store/versions/postgres.sql"), version));
}

/// Lets the writer go on when it is dropped.
pub(crate) struct Gate(Shell);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.execute("ROLLBACK");
    }
}

/// A session that holds what every writer needs.
pub(crate) fn hold(database: &Database) -> Gate {
    let mut shell = database.shell();
    shell.execute("BEGIN");
    shell.execute("SELECT newest FROM stream FOR UPDATE");
    Gate(shell)
}

/// A store whose writer stands before it stores event 0 until the gate is dropped.
pub(crate) async fn held_up(place: &Place, change: impl FnOnce(&mut Options)) -> (Store, Gate) {
    let mut options = place.options();
    change(&mut options);
    let store = place.open_as(options, place.recorder()).await.unwrap();
    let gate = hold(&place.home.database);
    let first = store.clone();
    tokio::spawn(async move { insert(&first, "laptop", Route::Live, [0]).await });
    let start = Instant::now();
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'vibetea' AND wait_event_type = 'Lock'";
    while place.column(waiting).is_empty() {
        assert!(start.elapsed() < DEADLINE, "the writer waits for the lock");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (store, gate)
}
