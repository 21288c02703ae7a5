//! The store in a PostgreSQL database that any number of servers may share: one thread of each server writes, a few
//! connections read, and a task follows the live stream of all of them.
//!
//! Whoever stores holds the row of `stream` until the commit, so that places in the stream follow commits.

mod connection;
mod count;
mod follow;
mod insert;
mod open;
mod read;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use vibetea_protocol::Clock;

use super::queue::Queue;
use super::{NewBatch, OnLive, OpenError, StoreError};
use connection::Target;
use follow::Follower;

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

/// An open PostgreSQL store; clones share it.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    queue: Arc<Queue>,
    follower: Arc<Follower>,
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
        let unreachable =
            |error: sqlx::Error| OpenError::Unreachable { database: target.name.clone(), detail: error.to_string() };
        let mut connection = target.connect().await.map_err(unreachable)?;
        let newest = target.within(read::newest_seq(&mut connection)).await.map_err(unreachable)?;
        let committed = Arc::new(Notify::new());
        let queue = writer::spawn(&target, &options, Arc::clone(&committed))?;
        let behind = i64::try_from(newest).unwrap_or(i64::MAX);
        let follower = Follower::start(target, behind, committed, on_live);
        Ok(Self { queue: Arc::new(queue), follower: Arc::new(follower), clock })
    }

    pub(super) async fn bulk_insert_events(&self, batch: NewBatch) -> Result<u64, StoreError> {
        self.queue.insert(batch).await
    }

    pub(super) async fn check_writable(&self) -> Result<(), StoreError> {
        self.queue.check().await
    }

    pub(super) async fn close(&self) {
        self.queue.close().await;
        self.follower.close().await;
    }
}
