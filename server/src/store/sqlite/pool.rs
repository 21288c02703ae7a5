//! A few connections for reading, opened when they are first needed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::Semaphore;
use vibetea_protocol::SourceId;

use super::connection;
use crate::store::StoreError;

/// Names a reader keeps; sources are few, but without authentication anybody may invent one.
const KEPT_NAMES: usize = 4096;

/// A connection and the sources it has met. What it has read is committed, so a name never changes.
pub(super) struct Reader {
    pub(super) connection: Connection,
    names: HashMap<i64, Arc<SourceId>>,
    /// Names of projects and tools.
    texts: HashMap<i64, String>,
}

impl Reader {
    fn new(connection: Connection) -> Self {
        Self { connection, names: HashMap::new(), texts: HashMap::new() }
    }

    /// The name of a source.
    pub(super) fn source_name(&mut self, id: i64) -> rusqlite::Result<Arc<SourceId>> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let mut statement = self.connection.prepare_cached("SELECT name FROM source WHERE id = ?1")?;
        let name: String = statement.query_row([id], |row| row.get(0))?;
        let name = Arc::new(name.parse::<SourceId>().map_err(|error| invalid(0, error))?);
        if self.names.len() >= KEPT_NAMES {
            self.names.clear();
        }
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }

    /// The name of a project or a tool; none for the number 0, which stands for no name.
    pub(super) fn name(&mut self, number: i64) -> rusqlite::Result<Option<String>> {
        if number == 0 {
            return Ok(None);
        }
        if let Some(text) = self.texts.get(&number) {
            return Ok(Some(text.clone()));
        }
        let mut statement = self.connection.prepare_cached("SELECT text FROM name WHERE id = ?1")?;
        let text: String = statement.query_row([number], |row| row.get(0))?;
        if self.texts.len() >= KEPT_NAMES {
            self.texts.clear();
        }
        self.texts.insert(number, text.clone());
        Ok(Some(text))
    }

    /// Runs `work` on one state of the database. After an error the connection is not used again.
    pub(super) fn snapshot<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = work(self)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(answer)
    }

    /// The id of a source, if it ever sent an event.
    pub(super) fn source_id(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM source WHERE name = ?1")?;
        statement.query_row([name], |row| row.get(0)).optional()
    }
}

/// A stored value that no event can have.
pub(super) fn invalid(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// The connections that are not in use.
pub(super) struct ReadPool {
    path: PathBuf,
    size: u32,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
}

impl std::fmt::Debug for ReadPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadPool").field("path", &self.path).field("size", &self.size).finish_non_exhaustive()
    }
}

impl ReadPool {
    pub(super) fn new(path: PathBuf, size: usize) -> Self {
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Self { path, size, turns: Arc::new(Semaphore::new(size as usize)), idle: Mutex::new(Vec::new()) }
    }

    /// Runs `work` on a blocking thread with a connection of its own. A caller that leaves stops nothing.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reader) -> rusqlite::Result<T> + Send + 'static,
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
            Ok(outcome) => outcome.map_err(|error| connection::store_error(&error)),
            Err(error) => Err(StoreError::Internal(error.to_string())),
        }
    }

    fn run<T>(&self, work: impl FnOnce(&mut Reader) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::new(connection::reader(&self.path)?),
        };
        // a connection that failed is closed: the next read gets a fresh one
        let answer = work(&mut reader)?;
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
