//! A group of batches in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use vibetea_protocol::{SourceId, Timestamp};

use super::ids::Ids;
use super::tally::Counts;
use super::{forget, kept, read};
use crate::store::forget::Cut;
use crate::store::kept::{Kept, Names, Seen};
use crate::store::{Forgotten, LiveEvent, NewBatch, NewEvent, Route};

/// Rows per statement, largest first: fewer statements cost less, and longer ones gain nothing more.
const ROWS: [usize; 3] = [50, 10, 1];
/// Sources whose number is remembered; without authentication anybody may invent one.
const KEPT_SOURCES: usize = 4096;

const PROMOTE: &str = "UPDATE event SET seq = ?1, live = 1 WHERE seq = ?2 AND source = ?3 AND live = 0
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
    pub(super) ids: Ids,
    /// Whether the memory may differ from what is stored.
    unsure: bool,
    sources: HashMap<Arc<SourceId>, i64>,
    names: Names,
    statements: [(usize, String); ROWS.len()],
}

impl Inserter {
    pub(super) fn new(ids: Ids) -> Self {
        let statements = ROWS.map(|rows| (rows, insert_sql(rows)));
        Self { ids, unsure: false, sources: HashMap::new(), names: Names::default(), statements }
    }

    /// Stores the batches, all or none. After an error call [`Self::forget`].
    pub(super) fn store<'a>(
        &mut self,
        connection: &mut Connection,
        batches: impl Iterator<Item = &'a NewBatch>,
        created: Timestamp,
    ) -> rusqlite::Result<Stored> {
        self.make_sure(connection)?;
        self.names.bound();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut stored = Stored { inserted: Vec::new(), live: Vec::new() };
        let (mut counts, mut sums) = (Counts::default(), Kept::default());
        for batch in batches {
            let source = self.source(&transaction, &batch.source)?;
            let mut target = Target {
                transaction: &transaction,
                batch,
                source,
                created,
                counts: &mut counts,
                kept: &mut sums,
                live: &mut stored.live,
            };
            let inserted = self.batch(&mut target)?;
            stored.inserted.push(inserted);
        }
        counts.write(&transaction)?;
        kept::write(&transaction, sums)?;
        self.ids.settle(&transaction)?;
        transaction.commit()?;
        self.ids.committed();
        Ok(stored)
    }

    /// Takes one step of forgetting. After an error call [`Self::forget`].
    pub(super) fn forget_events(
        &mut self,
        connection: &mut Connection,
        cut: Cut,
    ) -> rusqlite::Result<Forgotten> {
        self.make_sure(connection)?;
        forget::forget(connection, &mut self.ids, cut)
    }

    fn make_sure(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.unsure {
            self.ids.reload(connection)?;
            self.unsure = false;
        }
        Ok(())
    }

    /// After a transaction that failed nobody knows what of it is stored: numbers and places are read again.
    pub(super) fn forget(&mut self) {
        self.sources.clear();
        self.names.forget();
        self.unsure = true;
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
        let events = &target.batch.events;
        let stored = self.ids.stored(target.transaction, events)?;
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            if self.ids.is_forgotten(event.timestamp) {
                continue;
            }
            match self.ids.fresh(&event.id).or_else(|| stored.get(&event.id).copied()) {
                None => {
                    let seq = self.ids.put(event.id);
                    rows.push((seq, event));
                    target.count(&mut self.names, event)?;
                    if target.batch.route == Route::Live {
                        target.announce(seq, event.clone());
                    }
                }
                Some(place) if target.batch.route == Route::Live => {
                    if let Some(event) = target.promote(place, self.ids.next_seq, event)? {
                        let seq = self.ids.put(event.id);
                        target.announce(seq, event);
                    }
                }
                Some(_) => {}
            }
        }
        self.write(target, &rows)?;
        Ok(rows.len() as u64)
    }

    fn write(&self, target: &Target<'_>, rows: &[(i64, &NewEvent)]) -> rusqlite::Result<()> {
        let mut rest = rows;
        for (size, sql) in &self.statements {
            if rest.len() < *size {
                continue;
            }
            let mut statement = target.transaction.prepare_cached(sql)?;
            while let Some((chunk, others)) = rest.split_at_checked(*size) {
                target.insert(&mut statement, chunk)?;
                rest = others;
            }
        }
        Ok(())
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
    fn insert(
        &self,
        statement: &mut CachedStatement<'_>,
        chunk: &[(i64, &NewEvent)],
    ) -> rusqlite::Result<usize> {
        statement.raw_bind_parameter(1, self.source)?;
        statement.raw_bind_parameter(2, self.batch.route == Route::Live)?;
        statement.raw_bind_parameter(3, self.created.as_micros())?;
        for ((seq, event), at) in chunk.iter().zip((4..).step_by(5)) {
            statement.raw_bind_parameter(at, seq)?;
            statement.raw_bind_parameter(at + 1, event.id.key())?;
            statement.raw_bind_parameter(at + 2, event.timestamp.as_micros())?;
            statement.raw_bind_parameter(at + 3, event.event_type.number())?;
            statement.raw_bind_parameter(at + 4, text(&event.payload))?;
        }
        statement.raw_execute()
    }

    fn count(&mut self, names: &mut Names, event: &NewEvent) -> rusqlite::Result<()> {
        let NewEvent { timestamp, event_type, ref facts, .. } = *event;
        self.counts.add(self.source, timestamp, event_type);
        let seen = Seen { source: self.source, timestamp, event_type, facts };
        kept::add(self.transaction, names, self.kept, &seen)
    }

    /// Moves an event of the same source that came by the batch route into the live stream. The answer is the
    /// event as it is stored, for that is what a replay will show. One of this very batch is in it already.
    fn promote(&self, place: i64, seq: i64, event: &NewEvent) -> rusqlite::Result<Option<NewEvent>> {
        let mut update = self.transaction.prepare_cached(PROMOTE)?;
        update.query_row((seq, place, self.source), |row| read::event(row, event.id, 0)).optional()
    }

    fn announce(&mut self, seq: i64, event: NewEvent) {
        let source = Arc::clone(&self.batch.source);
        self.live.push(LiveEvent { seq: seq.unsigned_abs(), source, event });
    }
}

fn text(payload: &Bytes) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(payload))
}

/// What all rows share is bound once: source, route and time of storing.
fn insert_sql(rows: usize) -> String {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let at = 4 + 5 * row;
            format!("(?{at}, ?{}, ?{}, ?1, ?{}, ?2, ?{}, ?3)", at + 1, at + 2, at + 3, at + 4)
        })
        .collect();
    let columns = "seq, id, ts, source, type, live, payload, created";
    format!("INSERT INTO event ({columns}) VALUES {}", values.join(", "))
}
