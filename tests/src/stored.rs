//! What is in the server's database, read from outside through the view that people use.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

/// Tables of kept counts, and what adds up to the number of events.
pub const KEPT: [(&str, &str); 6] = [
    ("hourly", "q0 + q1 + q2 + q3"),
    ("tally", "count"),
    ("quarterly", "events"),
    ("daily", "events"),
    ("periodic", "events"),
    ("session", "events"),
];

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// With `evt_` in front.
    pub id: String,
    /// Who sent it.
    pub source: String,
    /// RFC 3339.
    pub timestamp: String,
    /// The word of the wire.
    pub event_type: String,
    /// The payload.
    pub payload: Value,
}

impl Stored {
    /// A text field of the payload, empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.payload[field].as_str().unwrap_or_default()
    }
}

/// Opens the database without being able to change it.
pub fn open(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Every stored event.
pub fn events(database: &Path) -> rusqlite::Result<Vec<Stored>> {
    let connection = open(database)?;
    let mut statement =
        connection.prepare("SELECT id, source, timestamp, event_type, payload FROM events ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let payload: String = row.get(4)?;
        Ok(Stored {
            id: row.get(0)?,
            source: row.get(1)?,
            timestamp: row.get(2)?,
            event_type: row.get(3)?,
            payload: json(&payload),
        })
    })?;
    rows.collect()
}

/// A payload that cannot be read must not look like another one.
fn json(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap_or_else(|error| panic!("a payload is no JSON: {error}"))
}

/// Every event in the PostgreSQL at this URL, as [`events`] has them.
pub async fn events_at(url: &str) -> sqlx::Result<Vec<Stored>> {
    let mut connection = PgConnection::connect(url).await?;
    let rows: Vec<(String, String, String, String, String)> = sqlx::query_as(
        r#"SELECT id, source, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), event_type, payload::text
        FROM public.events ORDER BY id COLLATE "C""#,
    )
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    let stored = |(id, source, timestamp, event_type, payload): (_, _, _, _, String)| Stored {
        id,
        source,
        timestamp,
        event_type,
        payload: json(&payload),
    };
    Ok(rows.into_iter().map(stored).collect())
}

/// The ids of every stored event, with `evt_` in front, repeated where one stands twice.
pub fn ids(database: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = open(database)?;
    let mut statement = connection.prepare("SELECT id FROM events")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// How many events are stored; 0 while there is no database.
pub fn count(database: &Path) -> u64 {
    let count = open(database)
        .and_then(|connection| connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)));
    count.unwrap_or(0)
}

/// What SQLite itself says about the file: `ok`, or what is wrong.
pub fn integrity(database: &Path) -> rusqlite::Result<String> {
    open(database)?.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}
