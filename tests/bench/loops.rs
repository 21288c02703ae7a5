//! What the store is compared with: bare loops around SQLite in this process, without a network, a signature or
//! a check.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;
use vibetea_protocol::EventId;
use vibetea_protocol::timestamp::MICROS_PER_HOUR;

use crate::events::Made;

const ROWS: usize = 50;
/// As the server: ids gather in memory and are moved in sorted runs.
const SETTLE_AT: usize = 50_000;
/// As the server: the log is moved when it has grown to about 40 MiB.
const BATCHES_PER_CHECKPOINT: usize = 100;

/// The server's own layout, statements and settings, written by a plain loop.
pub(crate) struct Bare {
    connection: Connection,
    next_seq: i64,
    batches: usize,
    ids: HashMap<EventId, i64>,
}

impl Bare {
    /// On a store that the server has made and closed.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        connection
            .execute("INSERT INTO source (id, name) VALUES (1, 'test-machine') ON CONFLICT DO NOTHING", [])?;
        let next_seq =
            connection.query_row("SELECT coalesce(max(seq), 0) + 1 FROM event", [], |row| row.get(0))?;
        Ok(Self { connection, next_seq, batches: 0, ids: HashMap::new() })
    }

    /// One batch in one transaction, counted by hour in the same one.
    pub(crate) fn insert(&mut self, events: &[Made]) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut quarters = std::collections::BTreeMap::<i64, [i64; 4]>::new();
        let known: Vec<_> = events.iter().filter(|event| self.ids.contains_key(&event.id)).collect();
        anyhow::ensure!(known.is_empty(), "the load repeats an id");
        for chunk in events.chunks(ROWS) {
            let mut look_up = transaction.prepare_cached(&look_up_sql(chunk.len()))?;
            for (at, event) in (1..).zip(chunk) {
                look_up.raw_bind_parameter(at, event.id.key())?;
            }
            anyhow::ensure!(look_up.raw_query().next()?.is_none(), "the load repeats an id");
            let mut statement = transaction.prepare_cached(&insert_sql(chunk.len()))?;
            let mut at = 1;
            for event in chunk {
                statement.raw_bind_parameter(at, self.next_seq)?;
                statement.raw_bind_parameter(at + 1, event.id.key())?;
                statement.raw_bind_parameter(at + 2, event.timestamp.as_micros())?;
                statement.raw_bind_parameter(at + 3, event.payload.as_str())?;
                at += 4;
                self.ids.insert(event.id, self.next_seq);
                self.next_seq += 1;
                let quarter = event.timestamp.as_micros() / (MICROS_PER_HOUR / 4);
                quarters.entry(quarter / 4).or_default()[usize::try_from(quarter % 4)?] += 1;
            }
            statement.raw_execute()?;
        }
        for (hour, [q0, q1, q2, q3]) in quarters {
            transaction
                .prepare_cached(
                    "INSERT INTO hourly (hour, source, q0, q1, q2, q3) VALUES (?1, 1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (hour, source) DO UPDATE SET q0 = q0 + excluded.q0, q1 = q1 + excluded.q1,
                     q2 = q2 + excluded.q2, q3 = q3 + excluded.q3",
                )?
                .execute((hour, q0, q1, q2, q3))?;
        }
        if self.ids.len() >= SETTLE_AT {
            let mut run: Vec<_> = self.ids.drain().collect();
            run.sort_unstable();
            for (id, seq) in run {
                transaction
                    .prepare_cached("INSERT INTO event_id (id, seq) VALUES (?1, ?2)")?
                    .execute((id.key(), seq))?;
            }
            transaction.execute("UPDATE indexed SET through = ?1", [self.next_seq - 1])?;
        }
        transaction.commit()?;
        self.batches += 1;
        if self.batches.is_multiple_of(BATCHES_PER_CHECKPOINT) {
            self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        }
        Ok(())
    }
}

fn insert_sql(rows: usize) -> String {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let at = 4 * row + 1;
            format!("(?{at}, ?{}, ?{}, 1, 2, 0, ?{}, 0)", at + 1, at + 2, at + 3)
        })
        .collect();
    let columns = "seq, id, ts, source, type, live, payload, created";
    format!("INSERT INTO event ({columns}) VALUES {}", values.join(", "))
}

fn look_up_sql(rows: usize) -> String {
    let places: Vec<String> = (1..=rows).map(|row| format!("?{row}")).collect();
    format!("SELECT id FROM event_id WHERE id IN ({})", places.join(", "))
}

/// The hosted schema copied to SQLite as it is, written row by row: text ids, text times, two indexes.
pub(crate) struct Mirror {
    connection: Connection,
}

impl Mirror {
    /// A new one.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE events (id TEXT PRIMARY KEY, source TEXT NOT NULL, timestamp TEXT NOT NULL,
                 event_type TEXT NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL DEFAULT (datetime('now')));
             CREATE INDEX by_time ON events (timestamp);
             CREATE INDEX by_source ON events (source, timestamp);",
        )?;
        Ok(Self { connection })
    }

    /// One batch in one transaction, a statement per row.
    pub(crate) fn insert(&mut self, events: &[Made]) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO events (id, source, timestamp, event_type, payload)
                 VALUES (?1, 'test-machine', ?2, 'tool', ?3) ON CONFLICT (id) DO NOTHING",
            )?;
            for event in events {
                statement.execute((event.id.to_string(), event.timestamp.to_string(), &event.payload))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(connection)
}
