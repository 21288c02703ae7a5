//! A few connections for reading, opened when they are first needed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::StoreError;
use super::tables::ReadError;

type Open<R> = Box<dyn Fn() -> Result<R, ReadError> + Send + Sync>;

/// The readers that are not in use, each with a connection of its own.
pub(super) struct ReadPool<R> {
    open: Open<R>,
    size: u32,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<R>>,
}

impl<R> std::fmt::Debug for ReadPool<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadPool").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<R: Send + 'static> ReadPool<R> {
    /// At most `size` readers at once; `open` makes one, on a blocking thread.
    pub(super) fn new(size: usize, open: impl Fn() -> Result<R, ReadError> + Send + Sync + 'static) -> Self {
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        let turns = Arc::new(Semaphore::new(size as usize));
        Self { open: Box::new(open), size, turns, idle: Mutex::new(Vec::new()) }
    }

    /// Runs `work` on a blocking thread with a reader of its own. A caller that leaves stops nothing.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&R) -> Result<T, ReadError> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("the store is closed".to_owned()))?;
        let pool = Arc::clone(self);
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = pool.run(work);
            drop(turn);
            outcome
        });
        match outcome.await {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(error) => Err(StoreError::Internal(error.to_string())),
        }
    }

    fn run<T>(&self, work: impl FnOnce(&R) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => (self.open)()?,
        };
        // a reader that failed is closed: the next read gets a fresh one
        let answer = work(&reader)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(answer)
    }

    /// Waits for the reads under way, refuses later ones and closes the connections.
    pub(super) async fn close(&self) {
        if let Ok(turns) = self.turns.acquire_many(self.size).await {
            self.turns.close();
            drop(turns);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
