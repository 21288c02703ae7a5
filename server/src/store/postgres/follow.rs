//! Tells the live stream what any server has stored, in the order of the stream: after each commit of this one, when the
//! database notifies of another's, and every second besides, for a notification can be lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::Target;
use super::{listen, read};
use crate::store::OnLive;

/// The longest that a lost notification can delay an event until it is read: half of what is promised.
const POLL: Duration = Duration::from_secs(1);
/// Between attempts to read.
const RETRY: Duration = Duration::from_secs(1);
const PAGE: i64 = 1000;

/// How far the stream is followed, in looks that were asked for.
#[derive(Debug, Default)]
pub(super) struct Looks {
    asked: watch::Sender<u64>,
    done: watch::Sender<u64>,
}

impl Looks {
    /// Asks for a look at the stream; answers its number.
    pub(super) fn ask(&self) -> u64 {
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        number
    }

    /// Waits until that look, or a later one, has told all there was.
    pub(super) async fn done(&self, number: u64) {
        // the sender lives as long as this value
        let _ = self.done.subscribe().wait_for(|done| *done >= number).await;
    }
}

/// The tasks that follow the stream.
#[derive(Debug)]
pub(super) struct Follower {
    stop: CancellationToken,
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

impl Follower {
    /// Follows the stream behind a place.
    pub(super) fn start(target: Target, behind: i64, looks: Arc<Looks>, on_live: OnLive) -> Self {
        let stop = CancellationToken::new();
        let listen = listen::listen(target.clone(), Arc::clone(&looks), stop.clone());
        let follow = Follow { target, connection: None, place: behind, on_live, is_well: true };
        let tasks = vec![tokio::spawn(listen), tokio::spawn(until(stop.clone(), follow.run(looks)))];
        Self { stop, tasks: std::sync::Mutex::new(tasks) }
    }

    /// Stops; nobody is told of anything afterwards.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        let tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for task in tasks {
            // a panic in it was already reported by the panic hook
            let _ = task.await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

struct Follow {
    target: Target,
    connection: Option<PgConnection>,
    place: i64,
    on_live: OnLive,
    is_well: bool,
}

impl Follow {
    async fn run(mut self, looks: Arc<Looks>) {
        let mut asked = looks.asked.subscribe();
        loop {
            // either way: what is new is read from the table
            let _ = tokio::time::timeout(POLL, asked.changed()).await;
            let number = *asked.borrow_and_update();
            match self.catch_up().await {
                Ok(()) => {
                    looks.done.send_replace(number);
                    if !std::mem::replace(&mut self.is_well, true) {
                        tracing::info!("the live stream is followed again");
                    }
                }
                Err(error) => {
                    self.connection = None;
                    if std::mem::take(&mut self.is_well) {
                        tracing::error!(%error, "the live stream cannot be followed");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn catch_up(&mut self) -> sqlx::Result<()> {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.target.connect().await?,
            };
            let page = self.target.within(read::live_events_after(&mut connection, self.place, PAGE)).await?;
            self.connection = Some(connection);
            let Some(last) = page.last().map(|live| live.seq) else { return Ok(()) };
            if catch_unwind(AssertUnwindSafe(|| (self.on_live)(&page))).is_err() {
                tracing::error!(events = page.len(), "the live stream panicked");
            }
            self.place = i64::try_from(last).unwrap_or(i64::MAX);
        }
    }
}
