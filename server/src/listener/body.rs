//! A request's body on its way.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::waiting::ForBody;

/// A body for which its connection waits until somebody has read it, or wants it no more.
#[derive(Debug)]
pub(super) struct Awaited {
    body: Incoming,
    _waiting: ForBody,
}

impl Awaited {
    pub(super) fn new(body: Incoming, waiting: ForBody) -> Self {
        Self { body, _waiting: waiting }
    }
}

impl Body for Awaited {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
