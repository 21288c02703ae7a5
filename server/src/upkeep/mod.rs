//! What the server does beside its requests: forgets what is old enough, copies its store, and learns whom to ask for
//! their history.

mod asking;
mod backups;
mod metrics;
mod retention;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vibetea_protocol::Clock;

use crate::backup::Origin;
use crate::config;
use crate::store::Store;

pub use asking::{Asking, Question};
pub use backups::{Copies, newest_copy};
pub use metrics::UpkeepMetrics;

/// A step of retention, or the end of a copy, takes less.
const LEAVE: Duration = Duration::from_secs(3);

/// The tasks, which end when they are told to stop and leave nothing half done.
#[derive(Debug)]
pub struct Upkeep {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Upkeep {
    /// Starts what is asked for; `origin` is where `store` keeps its events.
    pub fn start(
        store: &Store,
        origin: Origin,
        wanted: config::Upkeep,
        (clock, metrics): (&Clock, &Arc<UpkeepMetrics>),
        asking: &Arc<Asking>,
        stop: CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        tasks.spawn(Arc::clone(asking).follow(store.clone(), stop.clone()));
        if let Some(retention) = wanted.retention {
            let (pause, metrics) = (wanted.first_round, Arc::clone(metrics));
            tasks.spawn(retention.run(pause, store.clone(), clock.clone(), metrics, stop.clone()));
        }
        if let Some(backups) = wanted.backups {
            let copies = Copies::new(backups, origin, clock.clone(), Arc::clone(metrics));
            tasks.spawn(copies.run(stop.clone()));
        }
        tasks.close();
        Self { stop, tasks }
    }

    /// Ends the tasks, as far as that does not take long; the store is closed after them.
    pub async fn stop(&self) {
        self.stop.cancel();
        if tokio::time::timeout(LEAVE, self.tasks.wait()).await.is_err() {
            tracing::warn!("what is done beside the requests did not end in time");
        }
    }
}
