//! One turn of the reader: everything that reading some lines changes, in one transaction.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{EventId, EventType, Timestamp};

use super::remembered::Recent;
use super::seal::seal_numbers;
use super::{Change, Destination, Outbox, OutboxError, queue};
use crate::privacy::RedactedEvent;
use crate::tail::{Position, Stat};

/// How long a call waits for its result and a result for its call.
const MEMORY_MICROS: i64 = 7 * MICROS_PER_DAY;

/// Which destinations an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// At once only.
    Live,
    /// In batches only.
    Batch,
    /// At once and in batches.
    Both,
}

impl Needs {
    /// Whether the destination is among them.
    pub const fn wants(self, destination: Destination) -> bool {
        !matches!((self, destination), (Self::Live, Destination::Batch) | (Self::Batch, Destination::Live))
    }
}

/// What is kept of one transcript beside what the interpreter remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileRow {
    /// How far it has been read.
    pub position: Position,
    /// Events before this time (µs since 1970) are history nobody asked for.
    pub skip_before: i64,
    /// Whether the silence after its last record has been looked at.
    pub settled: bool,
}

impl FileRow {
    /// In the order of the columns.
    fn numbers(&self) -> [i64; 12] {
        let Position { generation, offset, head_len, head, tail_len, tail, stat } = &self.position;
        [
            *generation,
            offset.cast_signed(),
            head_len.cast_signed(),
            *head,
            tail_len.cast_signed(),
            *tail,
            stat.device.cast_signed(),
            stat.inode.cast_signed(),
            stat.size.cast_signed(),
            stat.modified,
            self.skip_before,
            i64::from(self.settled),
        ]
    }

    /// From the columns after the path, in their order.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let unsigned = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
        Ok(Self {
            position: Position {
                generation: row.get(1)?,
                offset: unsigned(2)?,
                head_len: unsigned(3)?,
                head: row.get(4)?,
                tail_len: unsigned(5)?,
                tail: row.get(6)?,
                stat: Stat {
                    device: unsigned(7)?,
                    inode: unsigned(8)?,
                    size: unsigned(9)?,
                    modified: row.get(10)?,
                },
            },
            skip_before: row.get(11)?,
            settled: row.get(12)?,
        })
    }
}

const FILE_COLUMNS: &str = "path, generation, offset, head_len, head, tail_len, tail, device, inode, size, \
                            modified, skip_before, settled";

/// The open transaction of one turn of the reader.
pub struct Turn<'a> {
    pub(super) transaction: Transaction<'a>,
    change: Change,
    pub(super) now: Timestamp,
    pub(super) recent: Recent,
}

impl Outbox {
    /// Runs one turn: all of what `work` does is kept when it succeeds, nothing when it fails.
    pub fn turn<T, E: From<OutboxError>>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&mut Turn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(OutboxError::from)?;
        let mut turn = Turn { transaction, change: Change::default(), now, recent: Recent::default() };
        let answer = work(&mut turn)?;
        let Turn { transaction, change, .. } = turn;
        transaction.commit().map_err(OutboxError::from)?;
        self.apply(&change);
        Ok(answer)
    }

    /// Forgets calls and results that nothing has come for in a week, and the positions of these files.
    pub fn forget(&self, now: Timestamp, files: &[String]) -> Result<(), OutboxError> {
        self.turn(now, |turn| {
            let limit = turn.now.as_micros() - MEMORY_MICROS;
            turn.transaction.execute("DELETE FROM call WHERE remembered < ?1", [limit])?;
            turn.transaction.execute("DELETE FROM waiting_result WHERE remembered < ?1", [limit])?;
            for path in files {
                turn.transaction.execute("DELETE FROM file WHERE path = ?1", [path])?;
            }
            Ok(())
        })
    }

    /// Every file's position with its path.
    pub fn files(&self) -> Result<Vec<(String, FileRow)>, OutboxError> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT {FILE_COLUMNS} FROM file"))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, FileRow::read(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Turn<'_> {
    /// Queues an event for the destinations that need it; whether it was not waiting there already.
    pub fn add(&mut self, event: &RedactedEvent, needs: Needs) -> Result<bool, OutboxError> {
        self.add_parts((event.id(), event.timestamp(), event.event_type()), &event.payload_json(), needs)
    }

    /// Only this module's callers with a redacted event, and tests, get here.
    pub(super) fn add_parts(
        &mut self,
        event: (EventId, Timestamp, EventType),
        payload: &str,
        needs: Needs,
    ) -> Result<bool, OutboxError> {
        queue::insert(&self.transaction, event, payload, needs, &mut self.change)
    }

    /// Adds to one of the monitor's counters.
    pub fn count(&mut self, name: &str, by: u64) -> Result<(), OutboxError> {
        queue::count_up(&self.transaction, name, by)
    }

    /// A counter's value, 0 if it was never counted.
    pub fn counter(&mut self, name: &str) -> Result<u64, OutboxError> {
        let value: Option<u64> = self
            .transaction
            .prepare_cached("SELECT value FROM counter WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(value.unwrap_or(0))
    }

    /// A file's position and what the interpreter remembers of it, if the file is known.
    pub fn file<S: DeserializeOwned>(&mut self, path: &str) -> Result<Option<(FileRow, S)>, OutboxError> {
        let known = self
            .transaction
            .prepare_cached(&format!("SELECT {FILE_COLUMNS}, state FROM file WHERE path = ?1"))?
            .query_row([path], |row| Ok((FileRow::read(row)?, parse(row.get_ref(13)?.as_str()?))))
            .optional()?;
        known.map(|(row, state)| Ok((row, state?))).transpose()
    }

    /// Up to 256 files that were read to their end, have not changed since `limit` (nanoseconds since 1970),
    /// and whose silence has not been looked at.
    pub fn unsettled_files(&mut self, limit: i64) -> Result<Vec<String>, OutboxError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT path FROM file WHERE settled = 0 AND modified > 0 AND modified <= ?1 LIMIT 256",
        )?;
        let paths = statement.query_map([limit], |row| row.get(0))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }

    /// Keeps a file's position and state.
    pub fn save_file<S: Serialize>(
        &mut self,
        path: &str,
        row: &FileRow,
        state: &S,
    ) -> Result<(), OutboxError> {
        let state = to_json(state)?;
        let n = row.numbers();
        let mut statement = self.transaction.prepare_cached(&format!(
            "INSERT OR REPLACE INTO file ({FILE_COLUMNS}, state, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        ))?;
        statement.raw_bind_parameter(1, path)?;
        for (column, number) in (2..).zip(n) {
            statement.raw_bind_parameter(column, number)?;
        }
        statement.raw_bind_parameter(14, &state)?;
        statement.raw_bind_parameter(15, seal_numbers(&[path, &state], &n))?;
        statement.raw_execute()?;
        Ok(())
    }
}

pub(super) fn parse<V: DeserializeOwned>(json: &str) -> Result<V, OutboxError> {
    // the parser's message may quote the value
    serde_json::from_str(json)
        .map_err(|_| OutboxError::Broken("something it remembers cannot be read".to_owned()))
}

pub(super) fn to_json<V: Serialize>(value: &V) -> Result<String, OutboxError> {
    serde_json::to_string(value)
        .map_err(|_| OutboxError::Broken("something to remember cannot be written".to_owned()))
}

/// Whether positions are what was put there.
pub(super) fn seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(&format!("SELECT {FILE_COLUMNS}, state, seal FROM file"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (path, state) = (row.get_ref(0)?.as_str()?, row.get_ref(13)?.as_str()?);
        if seal_numbers(&[path, state], &FileRow::read(row)?.numbers()) != row.get::<_, i64>(14)? {
            return Ok(false);
        }
    }
    Ok(true)
}
