//! The thread that writes. It commits what waits in groups, tells the live stream, then the waiters, and only
//! then moves the log into the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use vibetea_protocol::Clock;

use super::SqliteOptions;
use super::connection::{self, PAGE_SIZE};
use super::insert::{Inserter, Stored};
use super::lock::FileLock;
use super::open::Opened;
use crate::store::forget::Cut;
use crate::store::queue::{Command, Group, Health, Queue};
use crate::store::{Forgotten, LiveEvent, OnLive, OpenError, StoreError};

/// Pages in the log after which it is moved even under load.
const BUSY_PAGES: i64 = 40 * 1024 * 1024 / PAGE_SIZE;
/// Pages in the log worth moving in a quiet moment. Fewer stay, or a slow trickle would be written twice.
const IDLE_PAGES: i64 = 4 * 1024 * 1024 / PAGE_SIZE;
/// Moves what it can without waiting for readers.
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Moves everything and empties the log.
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const IDLE_AFTER: Duration = Duration::from_millis(250);

struct Writer {
    path: PathBuf,
    /// None after a failure that may have left it unusable; opened again for the next group.
    connection: Option<Connection>,
    inserter: Inserter,
    lock: FileLock,
    clock: Clock,
    on_live: OnLive,
    health: Arc<Health>,
    busy_timeout: Duration,
    group_events: usize,
    log_pages: i64,
    checks: i64,
}

/// Starts the thread; it ends when the queue is closed or dropped.
pub(super) fn spawn(
    opened: Opened,
    options: &SqliteOptions,
    clock: Clock,
    on_live: OnLive,
) -> Result<Queue, OpenError> {
    let (commands, incoming) = sync_channel(options.queue_requests.max(1));
    let path = opened.path.clone();
    let (writer, health) = Writer::new(opened, options, clock, on_live);
    let thread = thread::Builder::new()
        .name("vibetea-store".to_owned())
        .spawn(move || writer.run(&incoming))
        .map_err(|error| OpenError::Failed {
            database: path.display().to_string(),
            detail: error.to_string(),
        })?;
    Ok(Queue::new(commands, options.queue_bytes, health, thread))
}

impl Writer {
    fn new(opened: Opened, options: &SqliteOptions, clock: Clock, on_live: OnLive) -> (Self, Arc<Health>) {
        let health = Arc::new(Health::default());
        let writer = Self {
            path: opened.path,
            connection: Some(opened.connection),
            inserter: Inserter::new(opened.ids),
            lock: opened.lock,
            clock,
            on_live,
            health: Arc::clone(&health),
            busy_timeout: options.busy_timeout,
            group_events: options.group_events,
            log_pages: 0,
            checks: 0,
        };
        (writer, health)
    }

    fn run(mut self, incoming: &Receiver<Command>) {
        while let Some(first) = self.next(incoming) {
            let group = Group::gather(first, incoming, self.group_events);
            self.serve(group);
            self.move_log(BUSY_PAGES, PASSIVE);
        }
        self.log_pages = 1;
        self.move_log(1, TRUNCATE);
        drop(self.connection.take());
        // only now may another server have the file
        drop(self.lock);
    }

    /// The next command; none once the queue is closed and empty.
    fn next(&mut self, incoming: &Receiver<Command>) -> Option<Command> {
        if self.log_pages >= IDLE_PAGES {
            match incoming.recv_timeout(IDLE_AFTER) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    self.move_log(IDLE_PAGES, PASSIVE);
                }
            }
        }
        incoming.recv().ok()
    }

    fn serve(&mut self, mut group: Group) {
        let forget = group.forget.take();
        if !group.is_empty() {
            let stored = self.guarded(|writer| writer.store(&group));
            self.health.note(stored.as_ref().map(|_| ()));
            let inserted = stored.map(|stored| {
                self.publish(&stored.live);
                stored.inserted
            });
            group.answer(&inserted);
        }
        if let Some(step) = forget {
            let cut = Cut::of(&step.what);
            step.answer(self.guarded(|writer| writer.forget(cut)));
        }
    }

    /// What fails leaves a writer that can go on.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.recover(&error)),
            Err(_) => {
                self.connection = None;
                self.inserter.forget();
                Err(StoreError::Internal("the writer panicked".to_owned()))
            }
        }
    }

    fn forget(&mut self, cut: Cut) -> rusqlite::Result<Forgotten> {
        let connection = open(&mut self.connection, &self.path, self.busy_timeout)?;
        let forgotten = self.inserter.forget_events(connection, cut)?;
        self.log_pages = log_pages(connection)?;
        Ok(forgotten)
    }

    fn store(&mut self, group: &Group) -> rusqlite::Result<Stored> {
        let connection = open(&mut self.connection, &self.path, self.busy_timeout)?;
        let stored = self.inserter.store(connection, group.batches(), self.clock.now())?;
        if !group.checks.is_empty() {
            self.checks = (self.checks + 1) % 1000;
            connection.pragma_update(None, "user_version", self.checks)?;
        }
        self.log_pages = log_pages(connection)?;
        Ok(stored)
    }

    /// The transaction is rolled back already. A full disk or a foreign lock leaves the connection usable.
    fn recover(&mut self, error: &rusqlite::Error) -> StoreError {
        self.inserter.forget();
        if !matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) {
            self.connection = None;
        }
        connection::store_error(error)
    }

    /// The events are stored whatever becomes of the broadcast.
    fn publish(&self, live: &[LiveEvent]) {
        if !live.is_empty() && catch_unwind(AssertUnwindSafe(|| (self.on_live)(live))).is_err() {
            tracing::error!(events = live.len(), "the live stream panicked");
        }
    }

    /// Moves the log into the database once it holds that many pages.
    fn move_log(&mut self, at_least: i64, how: &str) {
        let Some(connection) = self.connection.as_ref().filter(|_| self.log_pages >= at_least) else {
            return;
        };
        match connection.prepare_cached(how).and_then(|mut statement| statement.query_row([], pages_left)) {
            Ok(left) => self.log_pages = left,
            Err(error) => tracing::warn!(%error, "the write-ahead log cannot be moved into the database"),
        }
    }
}

/// The connection, opened again where it was given up.
fn open<'a>(
    connection: &'a mut Option<Connection>,
    path: &Path,
    busy_timeout: Duration,
) -> rusqlite::Result<&'a mut Connection> {
    match connection {
        Some(connection) => Ok(connection),
        closed => Ok(closed.insert(connection::writer(path, busy_timeout)?)),
    }
}

/// Pages of the log that are not in the database yet.
fn log_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], pages_left)
}

fn pages_left(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
}

#[cfg(test)]
mod tests;
