//! What both POST routes do with a signed body.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vibetea_protocol::Problem;
use vibetea_protocol::batch::IdRule;

use crate::app::AppState;
use crate::auth::SignedBody;
use crate::error::Refusal;
use crate::store::{NewBatch, NewEvent, Route, Sharing, StoreError};

/// Longest time a request waits for its commit; what is stored after that is a duplicate for the retry.
const COMMIT_PATIENCE: Duration = Duration::from_secs(20);

/// The checked events of a body, as a store takes them.
pub(super) fn batch(signed: &SignedBody, ids: IdRule, route: Route) -> Result<NewBatch, Problem> {
    let events = signed.events(ids)?;
    let mut sharing = Sharing::default();
    let events = events
        .into_iter()
        .map(|event| NewEvent {
            id: event.id,
            timestamp: event.timestamp,
            event_type: event.event_type,
            payload: signed.body.slice_ref(event.payload.as_bytes()),
            facts: sharing.own(event.event_type, event.facts),
        })
        .collect();
    Ok(NewBatch { source: Arc::clone(&signed.source), route, events })
}

/// Stores a batch; answers how many events were new, once they are durable.
pub(super) async fn store(app: &AppState, batch: NewBatch) -> Result<u64, Refusal> {
    let source = Arc::clone(&batch.source);
    let newest = batch.events.iter().map(|event| event.timestamp).max();
    let stored = app.store()?.bulk_insert_events(batch);
    let handed = Instant::now();
    let outcome = tokio::time::timeout(COMMIT_PATIENCE, stored)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the commit takes too long".to_owned())));
    app.metrics.store_write_seconds.observe(handed.elapsed().as_secs_f64());
    let stored = outcome.map_err(|error| app.store_failed(error))?;
    app.access.saw_event(&source, newest);
    Ok(stored)
}
