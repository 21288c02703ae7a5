//! Which ids are stored, and at which place.
//!
//! To an index, ids are random: every batch would rewrite as many pages as it holds events. So the newest ids are
//! kept in memory and moved into their table in sorted runs, a slice with each group of batches. What the memory
//! holds is always what the table `event` holds after the place in `indexed`, so a start reads it back.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use vibetea_protocol::{EventId, Timestamp, event::InvalidId};

use super::reader::invalid;
use crate::store::NewEvent;

/// Ids per statement.
const ROWS: usize = 50;
/// A run moves at twice the speed at which ids come, so that it is through before the next one is due; and at
/// least this many at a time.
const SMALLEST_SLICE: usize = 64;

/// The newest place that was ever given out; its event may be forgotten.
pub(super) const NEWEST: &str =
    "SELECT max((SELECT coalesce(max(seq), 0) FROM event), (SELECT newest FROM forgotten))";
const FORGOTTEN: &str = "SELECT through FROM forgotten";
const UNSETTLED: &str = "SELECT id, seq FROM event WHERE seq > (SELECT through FROM indexed)";
const SETTLED: &str = "SELECT seq FROM event_id WHERE id = ?1";

/// The ids in memory, for everybody.
#[derive(Debug, Default)]
pub(super) struct RecentIds(RwLock<Runs>);

#[derive(Debug, Default)]
struct Runs {
    recent: HashMap<EventId, i64>,
    /// On its way into the table. An event that was moved since has its new place in `recent`.
    settling: HashMap<EventId, i64>,
}

impl Runs {
    fn place(&self, id: &EventId) -> Option<i64> {
        self.recent.get(id).or_else(|| self.settling.get(id)).copied()
    }
}

impl RecentIds {
    fn read<T>(&self, look: impl FnOnce(&Runs) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Runs) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where an event is stored, as a connection that reads sees it.
    pub(super) fn place(&self, connection: &Connection, id: &EventId) -> rusqlite::Result<Option<i64>> {
        match self.read(|runs| runs.place(id)) {
            None => connection.prepare_cached(SETTLED)?.query_row([id.key()], |row| row.get(0)).optional(),
            known => Ok(known),
        }
    }
}

/// The writer's view: what is committed, and what its open transaction adds.
pub(super) struct Ids {
    shared: Arc<RecentIds>,
    /// Of the open transaction.
    fresh: HashMap<EventId, i64>,
    /// In the order of the table.
    run: Vec<(EventId, i64)>,
    /// How much of the run is in the table, by the last commit and by the open transaction.
    settled: usize,
    settling: usize,
    /// The newest place of the run.
    through: i64,
    settle_at: usize,
    look_up: String,
    move_rows: String,
    /// Events before this moment are forgotten, microseconds since 1970.
    forgotten_before: i64,
    pub(super) next_seq: i64,
}

impl Ids {
    /// Reads back what is not in the table yet. A run begins when `settle_at` ids have gathered.
    pub(super) fn load(connection: &Connection, settle_at: usize) -> rusqlite::Result<Self> {
        let places: Vec<String> = (1..=ROWS).map(|row| format!("?{row}")).collect();
        let mut ids = Self {
            shared: Arc::default(),
            fresh: HashMap::new(),
            run: Vec::new(),
            settled: 0,
            settling: 0,
            through: 0,
            settle_at: settle_at.max(1),
            look_up: format!("SELECT id, seq FROM event_id WHERE id IN ({})", places.join(", ")),
            move_rows: move_sql(ROWS),
            forgotten_before: 0,
            next_seq: 1,
        };
        ids.reload(connection)?;
        Ok(ids)
    }

    /// Starts again from what is stored: after a failed commit nobody knows what of it is.
    pub(super) fn reload(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let newest: i64 = connection.query_row(NEWEST, [], |row| row.get(0))?;
        let mut unsettled = connection.prepare_cached(UNSETTLED)?;
        let rows = unsettled.query_map([], |row| Ok((id_at(row)?, row.get(1)?)))?;
        let recent = rows.collect::<rusqlite::Result<_>>()?;
        self.fresh.clear();
        self.run.clear();
        (self.settled, self.settling) = (0, 0);
        self.next_seq = newest + 1;
        self.forgotten_before = connection.query_row(FORGOTTEN, [], |row| row.get(0))?;
        self.shared.change(|runs| *runs = Runs { recent, settling: HashMap::new() });
        self.begin_run();
        Ok(())
    }

    /// The ids in memory, for those who read.
    pub(super) fn shared(&self) -> Arc<RecentIds> {
        Arc::clone(&self.shared)
    }

    /// Which of these events were stored by earlier transactions, and where.
    pub(super) fn stored(
        &self,
        transaction: &Transaction<'_>,
        events: &[NewEvent],
    ) -> rusqlite::Result<HashMap<EventId, i64>> {
        let mut found = HashMap::new();
        let unknown: Vec<EventId> = self.shared.read(|runs| {
            let ids = events.iter().map(|event| event.id);
            ids.filter(|id| runs.place(id).map(|place| found.insert(*id, place)).is_none()).collect()
        });
        let (chunks, rest) = unknown.as_chunks::<ROWS>();
        for chunk in chunks {
            let mut select = transaction.prepare_cached(&self.look_up)?;
            for (at, id) in (1..).zip(chunk) {
                select.raw_bind_parameter(at, id.key())?;
            }
            let mut rows = select.raw_query();
            while let Some(row) = rows.next()? {
                found.insert(id_at(row)?, row.get(1)?);
            }
        }
        let mut select = transaction.prepare_cached(SETTLED)?;
        for id in rest {
            if let Some(place) = select.query_row([id.key()], |row| row.get(0)).optional()? {
                found.insert(*id, place);
            }
        }
        Ok(found)
    }

    /// Whether an event of that time would be one that was forgotten.
    pub(super) fn is_forgotten(&self, timestamp: Timestamp) -> bool {
        timestamp.as_micros() < self.forgotten_before
    }

    /// These events are deleted, and everything before that moment is to be taken for known.
    pub(super) fn forgot(&mut self, before: i64, ids: &[EventId]) {
        self.forgotten_before = self.forgotten_before.max(before);
        if ids.is_empty() {
            return;
        }
        let is_gone = |id: &EventId| ids.binary_search(id).is_ok();
        self.shared.change(|runs| {
            for id in ids {
                runs.recent.remove(id);
                runs.settling.remove(id);
            }
        });
        // what is in the table already was deleted there
        let mut rest = self.run.split_off(self.settled);
        rest.retain(|(id, _)| !is_gone(id));
        self.run.append(&mut rest);
    }

    /// Where the open transaction has put an event.
    pub(super) fn fresh(&self, id: &EventId) -> Option<i64> {
        self.fresh.get(id).copied()
    }

    /// Gives a new event, or one that moves, the next place.
    pub(super) fn put(&mut self, id: EventId) -> i64 {
        let place = self.next_seq;
        self.next_seq += 1;
        self.fresh.insert(id, place);
        place
    }

    /// Moves the next slice of the run into the table.
    pub(super) fn settle(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        let slice = SMALLEST_SLICE.max(2 * self.fresh.len());
        let end = self.run.len().min(self.settled + slice);
        let (chunks, rest) = self.run[self.settled..end].as_chunks::<ROWS>();
        let single = if rest.is_empty() { String::new() } else { move_sql(1) };
        let all = chunks.iter().map(|chunk| (&self.move_rows, &chunk[..]));
        for (sql, chunk) in all.chain(rest.chunks(1).map(|chunk| (&single, chunk))) {
            let mut insert = transaction.prepare_cached(sql)?;
            for (at, (id, place)) in (1..).step_by(2).zip(chunk) {
                insert.raw_bind_parameter(at, id.key())?;
                insert.raw_bind_parameter(at + 1, place)?;
            }
            insert.raw_execute()?;
        }
        if end == self.run.len() {
            transaction.prepare_cached("UPDATE indexed SET through = ?1")?.execute([self.through])?;
        }
        self.settling = end;
        Ok(())
    }

    /// The transaction is on the disk.
    pub(super) fn committed(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.settled = self.settling;
        let done = !self.run.is_empty() && self.settled == self.run.len();
        self.shared.change(|runs| {
            if done {
                runs.settling = HashMap::new();
            }
            runs.recent.extend(fresh);
        });
        if done {
            self.run = Vec::new();
            (self.settled, self.settling) = (0, 0);
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        if !self.run.is_empty() {
            return;
        }
        let (settle_at, newest) = (self.settle_at, self.next_seq - 1);
        let run = self.shared.change(|runs| {
            (runs.recent.len() >= settle_at).then(|| {
                runs.settling = std::mem::take(&mut runs.recent);
                runs.settling.iter().map(|(id, place)| (*id, *place)).collect()
            })
        });
        if let Some(run) = run {
            self.run = run;
            self.run.sort_unstable();
            self.through = newest;
        }
    }
}

fn id_at(row: &rusqlite::Row<'_>) -> rusqlite::Result<EventId> {
    EventId::from_key(row.get_ref(0)?.as_str()?).ok_or_else(|| invalid(0, InvalidId))
}

/// An event that moved to another place after its id had been moved into the table stands there already.
fn move_sql(rows: usize) -> String {
    let values: Vec<String> = (0..rows).map(|row| format!("(?{}, ?{})", 2 * row + 1, 2 * row + 2)).collect();
    format!(
        "INSERT INTO event_id (id, seq) VALUES {} ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
        values.join(", ")
    )
}
