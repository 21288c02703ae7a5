//! A group of batches in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use vibetea_protocol::{SourceId, Timestamp};

use super::kept::{Kept, Names, Seen};
use super::read;
use super::tally::Counts;
use crate::store::{LiveEvent, NewBatch, NewEvent, Route};

/// Rows per statement, largest first: fewer statements cost less, and longer ones gain nothing more.
const ROWS: [usize; 3] = [50, 10, 1];
/// Sources whose number is remembered; without authentication anybody may invent one.
const KEPT_SOURCES: usize = 4096;

const PROMOTE: &str = "UPDATE event SET seq = ?1, live = 1 WHERE id = ?2 AND source = ?3 AND live = 0
    RETURNING ts, type, payload";
const NEW_SOURCE: &str = "INSERT INTO source (name) VALUES (?1) ON CONFLICT (name) DO NOTHING";

/// What a committed transaction did.
pub(super) struct Stored {
    /// New events of each batch, in the order of the batches.
    pub(super) inserted: Vec<u64>,
    /// What has to be broadcast, in the order of the live stream.
    pub(super) live: Vec<LiveEvent>,
}

/// Writes batches and gives out the places in the stream.
pub(super) struct Inserter {
    next_seq: i64,
    sources: HashMap<Arc<SourceId>, i64>,
    names: Names,
    statements: [(usize, String); ROWS.len()],
}

impl Inserter {
    pub(super) fn new(next_seq: i64) -> Self {
        let statements = ROWS.map(|rows| (rows, insert_sql(rows)));
        Self { next_seq, sources: HashMap::new(), names: Names::default(), statements }
    }

    /// Stores the batches, all or none. After an error call [`Self::forget_names`].
    pub(super) fn store<'a>(
        &mut self,
        connection: &mut Connection,
        batches: impl Iterator<Item = &'a NewBatch>,
        created: Timestamp,
    ) -> rusqlite::Result<Stored> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut stored = Stored { inserted: Vec::new(), live: Vec::new() };
        let (mut counts, mut kept) = (Counts::default(), Kept::default());
        for batch in batches {
            let source = self.source(&transaction, &batch.source)?;
            let mut target = Target {
                transaction: &transaction,
                batch,
                source,
                created,
                counts: &mut counts,
                kept: &mut kept,
                live: &mut stored.live,
            };
            let inserted = self.batch(&mut target)?;
            stored.inserted.push(inserted);
        }
        counts.write(&transaction)?;
        kept.write(&transaction)?;
        transaction.commit()?;
        Ok(stored)
    }

    /// A number given out in a transaction that was rolled back is nobody's.
    pub(super) fn forget_names(&mut self) {
        self.sources.clear();
        self.names.forget();
    }

    fn source(&mut self, transaction: &Transaction<'_>, source: &Arc<SourceId>) -> rusqlite::Result<i64> {
        if let Some(number) = self.sources.get(source) {
            return Ok(*number);
        }
        transaction.prepare_cached(NEW_SOURCE)?.execute([source.as_str()])?;
        let mut select = transaction.prepare_cached("SELECT id FROM source WHERE name = ?1")?;
        let number = select.query_row([source.as_str()], |row| row.get(0))?;
        if self.sources.len() >= KEPT_SOURCES {
            self.sources.clear();
        }
        self.sources.insert(Arc::clone(source), number);
        Ok(number)
    }

    fn batch(&mut self, target: &mut Target<'_>) -> rusqlite::Result<u64> {
        let mut rest = &target.batch.events[..];
        let mut inserted = 0;
        for (rows, sql) in &self.statements {
            if rest.len() < *rows {
                continue;
            }
            let mut statement = target.transaction.prepare_cached(sql)?;
            while let Some((chunk, others)) = rest.split_at_checked(*rows) {
                inserted += target.chunk(&mut statement, &mut self.names, chunk, self.next_seq)?;
                self.next_seq += i64::try_from(*rows).unwrap_or(i64::MAX);
                rest = others;
            }
        }
        Ok(inserted)
    }
}

/// The batch that is being written and what comes of it.
struct Target<'a> {
    transaction: &'a Transaction<'a>,
    batch: &'a NewBatch,
    source: i64,
    created: Timestamp,
    counts: &'a mut Counts,
    kept: &'a mut Kept,
    live: &'a mut Vec<LiveEvent>,
}

impl Target<'_> {
    /// Writes a chunk at the places from `first_seq` on; a duplicate leaves its place empty.
    fn chunk(
        &mut self,
        statement: &mut CachedStatement<'_>,
        names: &mut Names,
        chunk: &[NewEvent],
        first_seq: i64,
    ) -> rusqlite::Result<u64> {
        let inserted = self.insert(statement, chunk, first_seq)?;
        let taken = if inserted == chunk.len() { None } else { Some(self.taken(chunk, first_seq)?) };
        for ((event, index), seq) in chunk.iter().zip(0..).zip(first_seq..) {
            let is_new = taken.as_ref().is_none_or(|taken| taken[index]);
            if is_new {
                self.count(names, event)?;
            }
            match (self.batch.route, is_new) {
                (Route::Batch, _) => {}
                (Route::Live, true) => self.announce(seq, event.clone()),
                (Route::Live, false) => {
                    if let Some(event) = self.promote(seq, event)? {
                        self.announce(seq, event);
                    }
                }
            }
        }
        Ok(inserted as u64)
    }

    fn insert(
        &self,
        statement: &mut CachedStatement<'_>,
        chunk: &[NewEvent],
        first_seq: i64,
    ) -> rusqlite::Result<usize> {
        statement.raw_bind_parameter(1, self.source)?;
        statement.raw_bind_parameter(2, self.batch.route == Route::Live)?;
        statement.raw_bind_parameter(3, self.created.as_micros())?;
        statement.raw_bind_parameter(4, first_seq)?;
        for (event, at) in chunk.iter().zip((5..).step_by(4)) {
            statement.raw_bind_parameter(at, event.id.key())?;
            statement.raw_bind_parameter(at + 1, event.timestamp.as_micros())?;
            statement.raw_bind_parameter(at + 2, event.event_type.number())?;
            statement.raw_bind_parameter(at + 3, text(&event.payload))?;
        }
        statement.raw_execute()
    }

    fn count(&mut self, names: &mut Names, event: &NewEvent) -> rusqlite::Result<()> {
        let NewEvent { timestamp, event_type, ref facts, .. } = *event;
        self.counts.add(self.source, timestamp, event_type);
        let seen = Seen { source: self.source, timestamp, event_type, facts };
        self.kept.add(self.transaction, names, &seen)
    }

    /// Which places of a chunk hold an event.
    fn taken(&self, chunk: &[NewEvent], first_seq: i64) -> rusqlite::Result<Vec<bool>> {
        let mut taken = vec![false; chunk.len()];
        let mut select =
            self.transaction.prepare_cached("SELECT seq - ?1 FROM event WHERE seq >= ?1 ORDER BY seq")?;
        let mut rows = select.query([first_seq])?;
        while let Some(row) = rows.next()? {
            let index: u32 = row.get(0)?;
            taken[index as usize] = true;
        }
        Ok(taken)
    }

    /// Moves an event of the same source that came by the batch route into the live stream. The answer is the
    /// event as it is stored, for that is what a replay will show.
    fn promote(&self, seq: i64, event: &NewEvent) -> rusqlite::Result<Option<NewEvent>> {
        let mut update = self.transaction.prepare_cached(PROMOTE)?;
        update.query_row((seq, event.id.key(), self.source), |row| read::event(row, event.id, 0)).optional()
    }

    fn announce(&mut self, seq: i64, event: NewEvent) {
        let source = Arc::clone(&self.batch.source);
        self.live.push(LiveEvent { seq: seq.unsigned_abs(), source, event });
    }
}

fn text(payload: &Bytes) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(payload))
}

/// What all rows share is bound once: source, route, time of storing and the first place.
fn insert_sql(rows: usize) -> String {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let at = 5 + 4 * row;
            format!("(?4 + {row}, ?{at}, ?{}, ?1, ?{}, ?2, ?{}, ?3)", at + 1, at + 2, at + 3)
        })
        .collect();
    format!(
        "INSERT INTO event (seq, id, ts, source, type, live, payload, created) VALUES {} ON CONFLICT (id) DO NOTHING",
        values.join(", ")
    )
}
