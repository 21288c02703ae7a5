//! `GET /ws`: the live stream.

mod broken;
mod subscriber;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use vibetea_protocol::{ErrorCode, EventId};

use crate::app::{App, AppState};
use crate::auth::{Viewer, bearer, ticket_digest};
use crate::backend::Backend;
use crate::callers::Holdings;
use crate::error::Refusal;
use crate::filter::{Filter, Query};
use crate::hub::Cursor;
use crate::listener::Place;
use crate::store::{SourceFilter, StoreError};
use subscriber::Subscriber;

/// Largest message a subscriber may send, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Subscribers say next to nothing.
const READ_BUFFER: usize = 4 * 1024;
/// Frames of a burst are written together up to this size.
const WRITE_BUFFER: usize = 32 * 1024;
/// More than a write buffer and the largest frame together.
const MAX_WRITE_BUFFER: usize = 256 * 1024;
/// A subscriber further behind than this many live events starts afresh.
const MOST_BEHIND: u64 = 100_000;

pub(super) async fn get(
    State(app): State<App>,
    place: Option<Extension<Place>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let query = Query::of(&uri);
    let viewer = admit(&app, &headers, &query).await?;
    let filter = Filter::from_query(&query, viewer.sources.clone())?;
    let upgrade = upgrade.map_err(|_| {
        Refusal::new(ErrorCode::InvalidRequest, "This path speaks WebSocket: a request to upgrade is needed")
    })?;
    let refuse = |refusal: Refusal| {
        app.metrics.subscribers_refused.inc();
        refusal
    };
    let held = Holdings::take(&app.streams, viewer.holder)
        .ok_or_else(|| refuse(Refusal::too_many_streams_of_a_token()))?;
    let place =
        place.map(|Extension(place)| place.of_stream().ok_or_else(|| refuse(Refusal::streams_full())));
    let place = place.transpose()?;
    // where the stream stands is taken before the past is looked at, so nothing falls between the two
    let newest = app.hub.newest();
    let start = start(&app, query.get("last_event_id"), newest, &viewer.sources)
        .await
        .map_err(|error| app.store_failed(error))?;
    let subscriber = Subscriber {
        cursor: Cursor::behind(start.unwrap_or(newest)),
        reset: start.is_none(),
        filter,
        viewer,
        task: app.sockets.token(),
        place,
        held,
        app,
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_upgrade(move |socket| subscriber.run(socket)))
}

/// A header, a ticket or a token in the address: the first that is given decides.
async fn admit(app: &AppState, headers: &HeaderMap, query: &Query) -> Result<Viewer, Refusal> {
    let admitted = if app.is_open() {
        Some(Viewer::anybody())
    } else if let Some(shown) = bearer(headers) {
        shown.and_then(|shown| app.access.viewer_with(shown))
    } else if let Some(ticket) = query.get("ticket") {
        app.take_ticket(ticket_digest(ticket)).await?.and_then(|holder| app.access.holder_of(holder))
    } else if let Some(shown) = query.get("token") {
        app.access.viewer_with(shown.as_bytes())
    } else {
        return Err(Refusal::new(
            ErrorCode::MissingAuth,
            "A token in the header Authorization or a ticket in the address is needed",
        ));
    };
    admitted.ok_or_else(|| Refusal::new(ErrorCode::InvalidToken, "The token or ticket is not the right one"))
}

/// The place behind which a subscriber starts; `None` where the event it names is unknown or too far back. One that it may
/// not see is unknown.
async fn start(
    app: &AppState,
    last: Option<&str>,
    newest: u64,
    scope: &SourceFilter,
) -> Result<Option<u64>, StoreError> {
    let Some(last) = last else { return Ok(Some(newest)) };
    let Ok(id) = last.parse::<EventId>() else { return Ok(None) };
    let Backend::Store(store) = &app.backend else { return Ok(app.hub.place_of(&id)) };
    let Some(seq) = store.position_of(id).await? else { return Ok(None) };
    if *scope != SourceFilter::All {
        let page = store.live_events_after(seq.saturating_sub(1), 1).await?;
        if !page.iter().any(|live| live.event.id == id && scope.admits(live.source.as_str())) {
            return Ok(None);
        }
    }
    let mut behind = 0;
    let mut walked = seq;
    // places have gaps, so their distance only bounds the number of live events between them
    while newest.saturating_sub(walked) + behind > MOST_BEHIND {
        let page = store.live_events_after(walked, 1000).await?;
        let Some(last) = page.last() else { break };
        behind += page.len() as u64;
        walked = last.seq;
        if behind > MOST_BEHIND {
            return Ok(None);
        }
    }
    Ok(Some(seq))
}
