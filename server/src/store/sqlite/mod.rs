//! The store in one SQLite file: one thread writes, a few connections read.
//!
//! rusqlite and not sqlx, because sqlx pays a thread hop per statement: in one transaction of a thousand rows
//! it is several times slower. sqlx only runs the migrations.

mod asked;
mod connection;
mod copy;
mod examine;
mod forget;
mod hourly;
mod ids;
mod insert;
mod kept;
mod lock;
mod mount;
mod open;
mod read;
mod reader;
mod tally;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::{Clock, EventId, SourceId, Timestamp};

use super::calendar::days_before;
use super::pool::ReadPool;
use super::queue::Queue;
use super::tables::{ReadError, Tables};
use super::{AccessStore, Asked, LiveEvent, OnLive, OpenError, StoreError};
use ids::RecentIds;

pub(super) use connection::store_error;
pub use mount::FileSystem;
pub(super) use open::has_current_schema;
pub(super) use reader::Reader;

/// Where the file is and how much it may take.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The database file; made, readable by its owner alone, where it is missing.
    pub path: PathBuf,
    /// How long to wait for another server to let go of the file.
    pub lock_wait: Duration,
    /// How long to wait for a foreign program that holds the write lock.
    pub busy_timeout: Duration,
    /// Most requests that wait for the writer.
    pub queue_requests: usize,
    /// Most bytes of events that wait for the writer or are being written.
    pub queue_bytes: usize,
    /// Events after which a group is committed even if more are waiting.
    pub group_events: usize,
    /// Most connections that read at once.
    pub readers: usize,
    /// Ids that gather in memory, about 40 bytes each, before they are moved into their table.
    pub settle_at: usize,
}

impl SqliteOptions {
    /// The defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            lock_wait: Duration::from_secs(1),
            busy_timeout: Duration::from_secs(5),
            queue_requests: 4096,
            queue_bytes: 64 * 1024 * 1024,
            group_events: 20_000,
            readers: 3,
            settle_at: 50_000,
        }
    }
}

/// An open SQLite store; clones share it.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    queue: Arc<Queue>,
    readers: Arc<ReadPool<Reader>>,
    ids: Arc<RecentIds>,
    access: AccessStore,
    path: PathBuf,
    clock: Clock,
}

impl SqliteStore {
    pub(super) async fn open(
        options: SqliteOptions,
        clock: Clock,
        on_live: OnLive,
    ) -> Result<Self, OpenError> {
        let opened = open::open(&options).await?;
        let path = opened.path.clone();
        let access = AccessStore::of_sqlite(&path);
        let of_readers = path.clone();
        let readers = ReadPool::new(options.readers, move || Reader::open(&of_readers));
        let ids = opened.ids.shared();
        let queue = writer::spawn(opened, &options, clock.clone(), on_live)?;
        Ok(Self { queue: Arc::new(queue), readers: Arc::new(readers), ids, access, path, clock })
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
        self.readers.read(move |reader| hourly::aggregates(reader, from, source_filter.as_deref())).await
    }

    pub(super) async fn position_of(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        let ids = Arc::clone(&self.ids);
        self.readers.read(move |reader| read::position_of(reader, &ids, &id)).await
    }

    pub(super) async fn live_events_after(
        &self,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<LiveEvent>, StoreError> {
        self.readers.read(move |reader| read::live_events_after(reader, seq, limit)).await
    }

    pub(super) async fn newest_seq(&self) -> Result<u64, StoreError> {
        self.readers.read(read::newest_seq).await
    }

    pub(super) fn access(&self) -> &AccessStore {
        &self.access
    }

    pub(super) async fn asked(&self) -> Result<Asked, StoreError> {
        self.readers.read(asked::read).await
    }

    pub(super) async fn ask_history(&self, sources: Vec<SourceId>) -> Result<i64, StoreError> {
        Self::ask_history_at(self.path.clone(), sources, self.clock.now()).await
    }

    /// Asks by the file alone, which has the newest schema; a server may run on it.
    pub async fn ask_history_at(
        path: PathBuf,
        sources: Vec<SourceId>,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        tokio::task::spawn_blocking(move || asked::ask(&path, &sources, now))
            .await
            .map_err(|error| StoreError::Internal(error.to_string()))?
    }

    pub(super) async fn close(&self) {
        self.access.close().await;
        self.readers.close().await;
        self.queue.close().await;
    }
}
