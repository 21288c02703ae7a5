//! A database in a file.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;
use vibetea_protocol::Timestamp;
use vibetea_server::store::AccessStore;

/// A payload is kept as it was sent, byte for byte.
pub(crate) const KEEPS_BYTES: bool = true;

/// What outlives a server: its folder, with the database in it.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// The server's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What the server is told of its database.
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().to_str().unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir().join("events.db")
    }

    /// What the store holds, by its view for people, as `{id, source, timestamp, type, payload}`.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let database = Connection::open_with_flags(self.file(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut rows =
            database.prepare("SELECT id, source, timestamp, event_type, payload FROM events").unwrap();
        rows.query_map([], |row| {
            Ok(json!({
                "id": row.get::<_, String>(0)?,
                "source": row.get::<_, String>(1)?,
                "timestamp": row.get::<_, String>(2)?.parse::<Timestamp>().unwrap(),
                "type": row.get::<_, String>(3)?,
                "payload": serde_json::from_str::<Value>(&row.get::<_, String>(4)?).unwrap(),
            }))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect()
    }

    /// Changes the database past the server.
    pub(crate) fn execute(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    /// Who may send and who may watch, opened beside a running server, as the commands do.
    pub(crate) async fn access(&self) -> AccessStore {
        AccessStore::open_sqlite(&self.file()).await.unwrap().expect("the schema is this release's")
    }

    /// Nothing can be stored until the answer is dropped: somebody else holds the write lock.
    pub(crate) fn hold(&self) -> Held {
        let database = Connection::open(self.file()).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        Held(database)
    }
}

pub(crate) struct Held(Connection);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}
