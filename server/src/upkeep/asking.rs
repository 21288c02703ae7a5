//! Whom to ask for their history: read again and again, as another process may have written it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::{IntoResponseParts, ResponseParts};
use tokio_util::sync::CancellationToken;
use vibetea_protocol::{HISTORY_HEADER, SourceId};

use crate::store::{Asked, Store};

/// How soon a question reaches the next answer.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is asked now.
#[derive(Debug, Default)]
pub struct Asking(RwLock<Asked>);

impl Asking {
    /// What an answer to this source has to tell.
    pub fn of(&self, source: &SourceId) -> Question {
        Question(self.0.read().unwrap_or_else(PoisonError::into_inner).of(source))
    }

    /// Takes over what stands in the store.
    pub async fn look(&self, store: &Store) {
        match store.asked().await {
            Ok(asked) => *self.0.write().unwrap_or_else(PoisonError::into_inner) = asked,
            // the next look sees it as well
            Err(error) => tracing::debug!(%error, "who is asked for history cannot be read"),
        }
    }

    pub(super) async fn follow(self: Arc<Self>, store: Store, stop: CancellationToken) {
        loop {
            self.look(&store).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// The number of a question, as a header of an answer; nothing where nothing was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question(i64);

impl IntoResponseParts for Question {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if self.0 > 0 {
            parts.headers_mut().insert(HISTORY_HEADER, HeaderValue::from(self.0));
        }
        Ok(parts)
    }
}
