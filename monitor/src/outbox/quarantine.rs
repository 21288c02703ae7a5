//! Events that were set aside, for a person to look at, to put back or to give up.
//!
//! This works beside a running monitor: SQLite keeps the two writers in order, and the monitor sees that somebody
//! else has written ([`Outbox::notice_others`](super::Outbox::notice_others)).

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};
use tracing::warn;
use vibetea_protocol::{EventId, EventType, Timestamp};

use super::open::{configure, is_locked, store_file};
use super::queue::{count_up, insert, queued};
use super::seal::seal_numbers;
use super::version::{Shape, bring_up_to_date, shape};
use super::{Change, Destination, Needs, OutboxError, Queued};

/// So many are kept, the newest.
pub const MOST_SET_ASIDE: u64 = 10_000;

/// An event that a destination refused for what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Derived from the transcript.
    pub id: EventId,
    /// Who refused it.
    pub destination: Destination,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// JSON text, redacted.
    pub payload: String,
    /// The status of the answer and the server's code word.
    pub reason: String,
}

impl SetAside {
    fn seal(&self) -> i64 {
        let numbers =
            [self.destination.number(), self.timestamp.as_micros(), i64::from(self.event_type.number())];
        seal_numbers(&[self.id.key(), &self.payload, &self.reason], &numbers)
    }

    /// Keeps it, unless the same destination has refused the event before. What there is no room for any more, the
    /// oldest, is given up, counted and said.
    pub(super) fn keep(&self, transaction: &Connection) -> Result<(), OutboxError> {
        transaction
            .prepare_cached(
                "INSERT INTO quarantine (id, destination, timestamp, type, payload, reason, seal)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                self.id.key(),
                self.destination.number(),
                self.timestamp.as_micros(),
                self.event_type.number(),
                self.payload,
                self.reason,
                self.seal()
            ])?;
        let given_up: Vec<i64> = transaction
            .prepare_cached(
                "DELETE FROM quarantine WHERE rowid <=
                 (SELECT rowid FROM quarantine ORDER BY rowid DESC LIMIT 1 OFFSET ?1) RETURNING destination",
            )?
            .query_map([MOST_SET_ASIDE.cast_signed()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for destination in given_up.into_iter().filter_map(Destination::from_number) {
            count_up(transaction, given_up_counter(destination), 1)?;
            warn!(
                destination = destination.as_str(),
                "too many events are set aside; the oldest is given up and lost"
            );
        }
        Ok(())
    }
}

/// The counter of events that were set aside and given up because more came.
pub(super) const fn given_up_counter(destination: Destination) -> &'static str {
    match destination {
        Destination::Live => "dropped_live_set_aside",
        Destination::Batch => "dropped_batch_set_aside",
    }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// Every one.
    All,
    /// Those with one of these ids, for whatever destination.
    Ids(&'a [EventId]),
}

/// The events that were set aside in one state folder.
#[derive(Debug)]
pub struct Quarantine {
    connection: Connection,
    running: bool,
}

impl Quarantine {
    /// Opens a state folder, whether a monitor works with it or not.
    pub fn open(state_dir: &Path) -> Result<Self, OutboxError> {
        let file = store_file(state_dir);
        let missing = || OutboxError::Missing { folder: state_dir.to_owned() };
        if !file.is_file() {
            return Err(missing());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&file, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let running = is_locked(state_dir);
        match shape(&connection, &file)? {
            Shape::Empty => return Err(missing()),
            Shape::Older(_) if running => return Err(OutboxError::Older { folder: state_dir.to_owned() }),
            Shape::Older(_) => bring_up_to_date(&mut connection)?,
            Shape::Current => {}
        }
        configure(&connection)?;
        Ok(Self { connection, running })
    }

    /// Whether a monitor works with the folder, which sends what is put back by itself.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Every event that is set aside, in the order in which that happened.
    pub fn list(&self) -> Result<Vec<SetAside>, OutboxError> {
        Ok(rows(&self.connection)?.into_iter().map(|row| row.event).collect())
    }

    /// Puts events back into the queue of the destination that refused them; how many.
    pub fn retry(&mut self, which: Selection<'_>) -> Result<u64, OutboxError> {
        self.each(which, "retried", |transaction, event| {
            let SetAside { id, destination, timestamp, event_type, payload, .. } = event;
            let needs = match destination {
                Destination::Live => Needs::Live,
                Destination::Batch => Needs::Batch,
            };
            // a running monitor counts anew by itself
            let mut uncounted = Change::default();
            insert(transaction, (*id, *timestamp, *event_type), payload, needs, &mut uncounted)?;
            Ok(())
        })
    }

    /// Gives events up for good; how many.
    pub fn discard(&mut self, which: Selection<'_>) -> Result<u64, OutboxError> {
        self.each(which, "discarded", |_, _| Ok(()))
    }

    /// Takes events out of the quarantine, counts them under `name`, and does `work` for each, all or nothing.
    fn each(
        &mut self,
        which: Selection<'_>,
        name: &str,
        work: impl Fn(&Connection, &SetAside) -> Result<(), OutboxError>,
    ) -> Result<u64, OutboxError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut rows = rows(&transaction)?;
        if let Selection::Ids(ids) = which {
            if let Some(unknown) = ids.iter().find(|id| !rows.iter().any(|row| row.event.id == **id)) {
                return Err(OutboxError::NotSetAside(*unknown));
            }
            rows.retain(|row| ids.contains(&row.event.id));
        }
        for row in &rows {
            work(&transaction, &row.event)?;
            transaction.execute("DELETE FROM quarantine WHERE rowid = ?1", [row.place])?;
            count_up(&transaction, &format!("{name}_{}", row.event.destination.as_str()), 1)?;
        }
        transaction.commit()?;
        Ok(rows.len() as u64)
    }
}

struct Kept {
    place: i64,
    event: SetAside,
}

fn rows(connection: &Connection) -> Result<Vec<Kept>, OutboxError> {
    let mut statement = connection.prepare_cached(
        "SELECT rowid, id, timestamp, type, payload, destination, reason, seal FROM quarantine ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(read(row)?);
    }
    Ok(kept)
}

fn read(row: &Row<'_>) -> Result<Kept, OutboxError> {
    let damaged = || OutboxError::Broken("an event that was set aside cannot be read".to_owned());
    let Queued { seq: place, id, timestamp, event_type, payload } = queued(row)?;
    let destination = Destination::from_number(row.get(5)?).ok_or_else(damaged)?;
    let event = SetAside { id, destination, timestamp, event_type, payload, reason: row.get(6)? };
    if row.get::<_, i64>(7)? != event.seal() {
        return Err(damaged());
    }
    Ok(Kept { place, event })
}

/// Whether every event that is set aside is what was put there.
pub(super) fn seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection
        .prepare("SELECT id, payload, reason, destination, timestamp, type, seal FROM quarantine")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |index| row.get_ref(index).and_then(|value| Ok(value.as_str()?));
        let expected =
            seal_numbers(&[text(0)?, text(1)?, text(2)?], &[row.get(3)?, row.get(4)?, row.get(5)?]);
        if expected != row.get::<_, i64>(6)? {
            return Ok(false);
        }
    }
    Ok(true)
}
