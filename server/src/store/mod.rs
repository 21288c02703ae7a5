//! Where events are kept. Knows no axum and no hub.

use std::sync::Arc;

use bytes::Bytes;
use vibetea_protocol::{EventId, EventType, SourceId, Timestamp};

/// By which route a batch came: what comes by the live route is broadcast once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/ingest`: stored, not broadcast.
    Batch,
    /// `/events`: stored and broadcast.
    Live,
}

/// A checked event on its way into the store. Its payload is a slice of the request's body.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Unique in the store.
    pub id: EventId,
    /// When it happened, by the sender.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// JSON text of an object, UTF-8.
    pub payload: Bytes,
    /// The payload's `project`, for filters.
    pub project: Option<Box<str>>,
}

/// Events that one source sent in one request.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who sent them.
    pub source: Arc<SourceId>,
    /// By which route.
    pub route: Route,
    /// In the order of the request.
    pub events: Vec<NewEvent>,
}

/// An event of the live stream at its place in it.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Place in the stream: grows in commit order, with gaps.
    pub seq: u64,
    /// Who sent it.
    pub source: Arc<SourceId>,
    /// The event.
    pub event: NewEvent,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Away, full or overloaded: asking again later can help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A fault.
    #[error("the store failed: {0}")]
    Internal(String),
}
