//! Events that are stored together: a bounded number of them, as batches of their sources.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use vibetea_protocol::SourceId;
use vibetea_protocol::limits::MAX_BATCH_EVENTS;

use crate::store::{NewBatch, NewEvent, Route, Store, StoreError};

/// Most events of a chunk.
const MOST_EVENTS: usize = 10_000;
/// Bytes of payloads after which a chunk is full: they have to reach a database in the time that it has for one
/// transaction, also over a slow line.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Batches that wait for the store at a time: it commits them together.
const AT_ONCE: usize = 64;

/// Checked events on their way into a store.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    batches: Vec<NewBatch>,
    /// Where in `batches` a source's last one stands.
    last: HashMap<Arc<SourceId>, usize>,
    events: usize,
    bytes: usize,
}

impl Chunk {
    pub(super) fn push(&mut self, source: SourceId, event: NewEvent) {
        self.events += 1;
        self.bytes += event.payload.len();
        let last = self.last.get(&source).map(|at| &mut self.batches[*at]);
        match last {
            Some(batch) if batch.events.len() < MAX_BATCH_EVENTS => batch.events.push(event),
            _ => {
                let source = Arc::new(source);
                self.last.insert(Arc::clone(&source), self.batches.len());
                self.batches.push(NewBatch { source, route: Route::Batch, events: vec![event] });
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.events >= MOST_EVENTS || self.bytes >= MOST_BYTES
    }

    pub(super) fn events(&self) -> u64 {
        self.events as u64
    }

    /// Stores the events, each batch all or nothing; answers how many were new, once all are durable.
    pub(super) async fn store(self, store: &Store) -> Result<u64, StoreError> {
        stream::iter(self.batches)
            .map(|batch| store.bulk_insert_events(batch))
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, new| async move { Ok(sum + new) })
            .await
    }
}

/// What became of the events of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Events that were read.
    pub read: u64,
    /// Those that were not stored before.
    pub new: u64,
    /// Those that are no valid events.
    pub refused: u64,
}

impl Tally {
    /// Events that were stored before, or that came twice.
    pub fn already_there(&self) -> u64 {
        self.read.saturating_sub(self.new).saturating_sub(self.refused)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events read: {} new, {} already there", self.read, self.new, self.already_there())?;
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        Ok(())
    }
}
