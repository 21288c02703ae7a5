//! The thread that writes: groups of what waits, each in one transaction on a connection of its own, which no request
//! can cancel. The live stream is told by the follower, which is woken after each commit, before the answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::runtime::Runtime;

use super::PostgresOptions;
use super::connection::{self, Target};
use super::count::Counter;
use super::follow::Looks;
use super::{forget, insert};
use crate::store::forget::Cut;
use crate::store::queue::{Command, Group, Health, Queue};
use crate::store::{OpenError, Route};

/// A group of fewer events is not made smaller still; after one that was full and went well they may be so many more.
const GROUP_STEP: usize = 100;
/// The longest that an answer waits for its events to be told.
const TELL: Duration = Duration::from_millis(500);

struct Writer {
    target: Target,
    /// Of this thread alone, so that what is queued is stored whatever becomes of the others.
    runtime: Runtime,
    /// None after a failure that may have left it unusable; opened again for the next group.
    connection: Option<PgConnection>,
    /// Whether the last work had a connection: it may have been too much for the database, no connection never is.
    had_connection: bool,
    counter: Counter,
    /// What was tried last went wrong.
    has_failed: bool,
    health: Arc<Health>,
    looks: Arc<Looks>,
    /// Events after which no further batch joins a group: at most so many, and fewer after a group that was too much.
    group_events: usize,
    most_group_events: usize,
}

/// Starts the thread; it ends when the queue is closed or dropped.
pub(super) fn spawn(
    target: &Target,
    options: &PostgresOptions,
    looks: Arc<Looks>,
) -> Result<Queue, OpenError> {
    let failed = |error: std::io::Error| OpenError::Failed {
        database: target.name.clone(),
        detail: error.to_string(),
    };
    let (commands, incoming) = sync_channel(options.queue_requests.max(1));
    let health = Arc::new(Health::default());
    let writer = Writer {
        target: target.clone(),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?,
        connection: None,
        had_connection: false,
        counter: Counter::default(),
        has_failed: false,
        health: Arc::clone(&health),
        looks,
        group_events: options.group_events,
        most_group_events: options.group_events,
    };
    let thread = thread::Builder::new()
        .name("vibetea-store".to_owned())
        .spawn(move || writer.run(&incoming))
        .map_err(failed)?;
    Ok(Queue::new(commands, options.queue_bytes, health, thread))
}

impl Writer {
    fn run(mut self, incoming: &Receiver<Command>) {
        self.catch_up();
        while let Ok(first) = incoming.recv() {
            let group = Group::gather(first, incoming, self.group_events);
            self.serve(group);
        }
        if let Some(connection) = self.connection.take() {
            // nothing is under way on it
            let _ = self.runtime.block_on(self.target.within(connection.close()));
        }
    }

    /// Counts what was stored by others, or before there was anything to count it in.
    fn catch_up(&mut self) {
        let mut parts = 0_u64;
        loop {
            let outcome =
                self.with_connection(async |connection, counter| counter.catch_up(connection).await);
            match outcome {
                Ok(true) => break,
                Ok(false) => {
                    parts += 1;
                    self.health.moved();
                }
                Err(error) => {
                    tracing::warn!(%error, "the stored events cannot be counted now: the next write goes on");
                    return;
                }
            }
        }
        if parts > 0 {
            tracing::info!(parts, "the stored events are counted");
        }
    }

    fn serve(&mut self, mut group: Group) {
        let forget = group.forget.take();
        if !group.is_empty() {
            self.commit(group);
        }
        if let Some(step) = forget {
            let cut = Cut::of(&step.what);
            let outcome = self
                .with_connection(async |connection, counter| forget::forget(connection, counter, cut).await);
            step.answer(outcome.map_err(|error| connection::store_error(&error)));
        }
    }

    fn commit(&mut self, group: Group) {
        let outcome = self.store(&group);
        self.learn(group.batches().map(|batch| batch.events.len()).sum(), outcome.as_ref().err());
        if let Err(error) = &outcome
            && connection::is_about_values(error)
            && group.inserts.len() > 1
        {
            // one batch must not be refused for what another holds
            let Group { inserts, checks, .. } = group;
            for insert in inserts {
                self.commit(Group { inserts: vec![insert], ..Group::default() });
            }
            if !checks.is_empty() {
                self.commit(Group { checks, ..Group::default() });
            }
            return;
        }
        self.has_failed = outcome.is_err();
        let outcome = outcome.map_err(|error| connection::store_error(&error));
        self.health.note(outcome.as_ref().map(|_| ()));
        group.answer(&outcome);
    }

    /// Groups are as large as the database can take in the time it has.
    fn learn(&mut self, events: usize, error: Option<&sqlx::Error>) {
        match error {
            None if events >= self.group_events => {
                self.group_events = self.most_group_events.min(self.group_events + GROUP_STEP);
            }
            Some(error) if self.had_connection && events > GROUP_STEP && connection::is_about_size(error) => {
                self.group_events = (self.group_events.min(events) / 2).max(GROUP_STEP);
            }
            _ => {}
        }
    }

    fn store(&mut self, group: &Group) -> sqlx::Result<Vec<u64>> {
        let has_failed = self.has_failed;
        let stored = self.with_connection(async |connection, counter| {
            if group.inserts.is_empty() {
                insert::check(connection, has_failed).await?;
                return Ok(Vec::new());
            }
            insert::store(connection, counter, group.batches()).await
        })?;
        let number = self.looks.ask();
        if group.batches().any(|batch| batch.route == Route::Live) {
            // who has an answer may stop this server, or open a socket that is to begin behind the event
            let told = self.looks.done(number);
            // in trouble the events are told later
            let _ = self.runtime.block_on(async { tokio::time::timeout(TELL, told).await });
        }
        Ok(stored)
    }

    /// Runs `work` on the connection and keeps it only if that went well.
    fn with_connection<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection, &mut Counter) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        let Self { target, runtime, connection, had_connection, counter, .. } = self;
        let taken = connection.take();
        *had_connection = false;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let mut connection = match taken {
                    Some(connection) => connection,
                    None => target.connect().await?,
                };
                *had_connection = true;
                let done = target.within(work(&mut connection, counter)).await?;
                Ok((done, connection))
            })
        }));
        match outcome {
            Ok(Ok((done, kept))) => {
                *connection = Some(kept);
                Ok(done)
            }
            Ok(Err(error)) => {
                counter.forget();
                Err(error)
            }
            Err(_) => {
                counter.forget();
                Err(sqlx::Error::WorkerCrashed)
            }
        }
    }
}
