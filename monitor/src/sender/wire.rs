//! What the sender needs of the network. A trait, so that a test can hand it one that answers as it is told.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::Answer;
use crate::outbox::Queued;

/// A body with its signature.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) signature: String,
    /// The public half of the key that signed, base64.
    pub(super) public_key: Arc<str>,
    /// Number of events in the body.
    pub(super) events: usize,
}

/// One address that takes events.
pub(super) trait Wire: Send + Sync + 'static {
    /// As many rows as fit into `max_bytes`, at least one, encoded and signed.
    fn request(&self, rows: &[Queued], max_bytes: usize) -> Request;

    /// Sends a request and judges the answer. Ends within the request's time limit, whatever the other side does.
    fn post(&self, request: Request) -> impl Future<Output = Answer> + Send;

    /// Where it goes.
    fn address(&self) -> &str;
}
