//! The store in a PostgreSQL database that any number of servers may share: one thread of each server writes, a few
//! connections read, and a task follows the live stream of all of them.
//!
//! Whoever stores holds the row of `stream` until the commit, so that places in the stream follow commits.

mod asked;
mod connection;
mod copy;
mod count;
mod examine;
mod follow;
mod forget;
mod insert;
mod listen;
mod open;
mod preconditions;
mod read;
mod reader;
mod restore;
mod tickets;
mod tls;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::{Clock, EventId, SourceId};

use super::calendar::days_before;
use super::pool::ReadPool;
use super::queue::Queue;
use super::tables::{ReadError, Tables};
use super::{AccessStore, Asked, LiveEvent, OnLive, OpenError, StoreError};
use connection::Target;
use follow::{Follower, Looks};

pub(super) use connection::store_error;
pub(super) use reader::Reader;
pub use tickets::StoredTicket;

/// Which database, and how much may wait for it.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with the parameters of libpq such as `sslmode`.
    pub url: String,
    /// How long to wait for a database that is not up yet.
    pub start_wait: Duration,
    /// How long any single piece of work may take before its connection is given up.
    pub timeout: Duration,
    /// Most requests that wait for the writer.
    pub queue_requests: usize,
    /// Most bytes of events that wait for the writer or are being written.
    pub queue_bytes: usize,
    /// Events after which a group is committed even if more are waiting.
    pub group_events: usize,
    /// Most connections that read at once.
    pub readers: usize,
}

impl PostgresOptions {
    /// The defaults for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            start_wait: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            queue_requests: 4096,
            queue_bytes: 64 * 1024 * 1024,
            group_events: 10_000,
            readers: 4,
        }
    }
}

/// Migrates and connects for who may send and who may watch, and for nothing else.
pub(super) async fn open_access(options: &PostgresOptions) -> Result<AccessStore, OpenError> {
    let target = Target::new(&options.url, options.timeout)?;
    open::migrate(&target, options.start_wait).await?;
    Ok(access_of(target))
}

fn access_of(target: Target) -> AccessStore {
    let handle = Handle::current();
    AccessStore::of_postgres(move || Reader::open(&target, &handle))
}

/// An open PostgreSQL store; clones share it.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    queue: Arc<Queue>,
    follower: Arc<Follower>,
    readers: Arc<ReadPool<Reader>>,
    access: AccessStore,
    clock: Clock,
}

impl PostgresStore {
    pub(super) async fn open(
        options: PostgresOptions,
        clock: Clock,
        on_live: OnLive,
    ) -> Result<Self, OpenError> {
        let target = Target::new(&options.url, options.timeout)?;
        open::migrate(&target, options.start_wait).await?;
        let unreachable = |error: sqlx::Error| OpenError::Unreachable {
            database: target.name.clone(),
            detail: error.to_string(),
        };
        let mut connection = target.connect().await.map_err(unreachable)?;
        let newest = target.within(read::newest_seq(&mut connection)).await.map_err(unreachable)?;
        let looks = Arc::new(Looks::default());
        let queue = writer::spawn(&target, &options, Arc::clone(&looks))?;
        let behind = i64::try_from(newest).unwrap_or(i64::MAX);
        let follower = Follower::start(target.clone(), behind, looks, on_live);
        let access = access_of(target.clone());
        let handle = Handle::current();
        let readers = ReadPool::new(options.readers, move || Reader::open(&target, &handle));
        let (queue, follower, readers) = (Arc::new(queue), Arc::new(follower), Arc::new(readers));
        Ok(Self { queue, follower, readers, access, clock })
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Tables<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(move |reader| question(reader.tables())).await
    }

    pub(super) async fn get_hourly_aggregates(
        &self,
        days_back: u32,
        source_filter: Option<String>,
    ) -> Result<Vec<HourlyAggregate>, StoreError> {
        let from = days_before(self.clock.now(), days_back);
        self.readers
            .read(move |reader| {
                reader.run(async |connection| {
                    read::hourly_aggregates(connection, from, source_filter.as_deref()).await
                })
            })
            .await
    }

    pub(super) async fn position_of(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        self.readers
            .read(move |reader| reader.run(async |connection| read::position_of(connection, id).await))
            .await
    }

    pub(super) async fn live_events_after(
        &self,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<LiveEvent>, StoreError> {
        let place = i64::try_from(seq).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.readers
            .read(move |reader| {
                reader.run(async |connection| read::live_events_after(connection, place, limit).await)
            })
            .await
    }

    pub(super) async fn newest_seq(&self) -> Result<u64, StoreError> {
        self.readers.read(|reader| reader.run(read::newest_seq)).await
    }

    pub(super) fn access(&self) -> &AccessStore {
        &self.access
    }

    /// Keeps a ticket for so long, for any server on this database.
    pub async fn keep_ticket(&self, ticket: StoredTicket, lifetime: Duration) -> Result<(), StoreError> {
        self.readers
            .read(move |reader| {
                reader.run(async |connection| tickets::keep(connection, &ticket, lifetime).await)
            })
            .await
    }

    /// The ticket of this digest, if one was kept by any server; it no longer is.
    pub async fn take_ticket(&self, digest: [u8; 32]) -> Result<Option<StoredTicket>, StoreError> {
        self.readers
            .read(move |reader| reader.run(async |connection| tickets::take(connection, digest).await))
            .await
    }

    pub(super) async fn asked(&self) -> Result<Asked, StoreError> {
        self.readers.read(|reader| reader.run(asked::read)).await
    }

    pub(super) async fn ask_history(&self, sources: Vec<SourceId>) -> Result<i64, StoreError> {
        let now = self.clock.now();
        let number = self
            .readers
            .read(move |reader| reader.run(async |connection| asked::ask(connection, &sources, now).await))
            .await?;
        number.ok_or_else(super::asked::too_many)
    }

    pub(super) async fn close(&self) {
        self.access.close().await;
        self.readers.close().await;
        self.queue.close().await;
        self.follower.close().await;
    }
}
