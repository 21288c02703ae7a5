//! What stands behind the routes: a store that keeps events, or a relay that does not.

mod relay;

use std::sync::Arc;

use vibetea_protocol::SourceId;

pub use relay::Relay;

use crate::hub::{Frame, Pages};
use crate::store::{LiveEvent, NewEvent, Store, StoreError};

/// What becomes of events.
pub enum Backend {
    /// They are kept.
    Store(Store),
    /// They are passed on.
    Relay(Relay),
}

/// Encodes an event at its place in the stream.
fn frame_of(seq: u64, source: Arc<SourceId>, event: &NewEvent) -> Frame {
    // payloads are checked to be UTF-8 before they are built and come back from the store as they went in
    let payload = std::str::from_utf8(&event.payload).unwrap_or("{}");
    let project = event.facts.project.as_deref().map(Into::into);
    Frame::new(seq, event.id, source, event.timestamp, event.event_type, payload, project)
}

/// Encodes live events of the store.
pub fn frames(events: &[LiveEvent]) -> Vec<Frame> {
    events.iter().map(|live| frame_of(live.seq, Arc::clone(&live.source), &live.event)).collect()
}

impl Pages for Backend {
    type Error = StoreError;

    async fn after(&self, seq: u64, limit: usize) -> Result<Option<Vec<Frame>>, StoreError> {
        match self {
            Self::Store(store) => store.live_events_after(seq, limit).await.map(|page| Some(frames(&page))),
            Self::Relay(_) => Ok(None),
        }
    }
}
