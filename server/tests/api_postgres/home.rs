//! A database on a server that the tests of a run share.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use vibetea_protocol::Timestamp;
use vibetea_server::store::{AccessStore, PostgresOptions};
use vibetea_testkit::{Cluster, Database, Shell};

/// A payload is kept as the value it is.
pub(crate) const KEEPS_BYTES: bool = false;

/// What outlives a server: its folder and its database.
pub(crate) struct Home {
    dir: TempDir,
    database: Database,
}

impl Home {
    pub(crate) fn new() -> Self {
        // every test of this program needs one, so the rest of a process that has none is over
        let cluster = Cluster::shared().unwrap_or_else(|| std::process::exit(0));
        Self { dir: TempDir::new().unwrap(), database: cluster.database() }
    }

    /// The server's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What the server is told of its database.
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// What the store holds, as `{id, source, timestamp, type, payload}`.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let rows = self.database.shell().rows(
            r#"SELECT id, source, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), event_type, payload
               FROM public.events"#,
        );
        let row = |row: Vec<String>| {
            json!({
                "id": row[0],
                "source": row[1],
                "timestamp": row[2].parse::<Timestamp>().unwrap(),
                "type": row[3],
                "payload": serde_json::from_str::<Value>(&row[4]).unwrap(),
            })
        };
        rows.into_iter().map(row).collect()
    }

    /// Changes the database past the server.
    pub(crate) fn execute(&self, sql: &str) {
        self.database.shell().execute(sql);
    }

    /// Who may send and who may watch, opened beside a running server, as the commands do.
    pub(crate) async fn access(&self) -> AccessStore {
        AccessStore::open_postgres(&PostgresOptions::new(self.url())).await.unwrap()
    }

    /// Nothing can be stored until the answer is dropped: another session holds what every writer needs.
    pub(crate) fn hold(&self) -> Held {
        let mut shell = self.database.shell();
        shell.execute("BEGIN");
        shell.execute("SELECT newest FROM stream FOR UPDATE");
        Held(shell)
    }
}

pub(crate) struct Held(Shell);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.execute("ROLLBACK");
    }
}
