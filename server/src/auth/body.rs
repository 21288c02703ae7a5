//! How a request's body is taken in: within its size, its time, and the bytes that all unverified bodies may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use vibetea_protocol::{ErrorCode, Problem};

use super::unverified::{GivenUp, Unverified};
use crate::error::Refusal;

/// Longest time a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// A refused body is read on for this long, so that its sender gets to read the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// How long the body is to be, where its sender says so.
pub(super) fn announced_length(headers: &HeaderMap, body: &Body) -> Option<u64> {
    let header = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    header.or_else(|| body.size_hint().exact())
}

pub(super) fn too_large(limit: usize) -> Refusal {
    Refusal::new(ErrorCode::PayloadTooLarge, format!("The body is larger than {limit} bytes"))
}

/// The whole body.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    unverified: &Arc<Unverified>,
) -> Result<Bytes, Refusal> {
    let share = Unverified::begin(unverified);
    let no_room = |_: GivenUp| Refusal::too_many_bodies();
    let keep = |data: &[u8]| share.keep(data).map_err(no_room);
    let arrived = tokio::select! {
        arrived = arrive(&mut body, limit, keep) => arrived,
        () = share.given_up() => Err(no_room(GivenUp)),
    };
    settle(arrived, body)?;
    share.take().map(Bytes::from).map_err(no_room)
}

/// Waits for the end of a body that is refused whatever is in it, unless it is too large; keeps nothing of it.
pub(super) async fn pass_over(mut body: Body, limit: usize) -> Result<(), Refusal> {
    let arrived = arrive(&mut body, limit, |_| Ok(())).await;
    settle(arrived, body)
}

async fn arrive(
    body: &mut Body,
    limit: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let frames = async {
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Problem::new(ErrorCode::InvalidRequest, "The request cannot be read: the body ends too early")
            })?;
            let Ok(data) = frame.into_data() else { continue };
            length += data.len();
            if length > limit {
                return Err(too_large(limit));
            }
            take(&data)?;
        }
        Ok(())
    };
    tokio::time::timeout(BODY_DEADLINE, frames).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            ErrorCode::RequestTimeout,
            format!("The body did not arrive within {} seconds", BODY_DEADLINE.as_secs()),
        ))
    })
}

/// Who is refused while it sends gets to read why.
fn settle(arrived: Result<(), Refusal>, body: Body) -> Result<(), Refusal> {
    arrived.inspect_err(|refusal| {
        if matches!(refusal.code(), ErrorCode::PayloadTooLarge | ErrorCode::Unavailable) {
            linger(body);
        }
    })
}

/// Throws away what still comes of a refused body. A connection that is closed over unread bytes is reset,
/// and a reset can overtake the answer.
pub(crate) fn linger(mut body: Body) {
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    }));
}
