//! One subscriber's socket: first what it missed, then what comes.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::SinkExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;
use vibetea_protocol::stream::RESET_FRAME;

use super::broken;
use crate::access::Ended;
use crate::app::App;
use crate::auth::{Holder, Viewer};
use crate::callers::Held;
use crate::filter::Filter;
use crate::hub::{Cursor, Taken};
use crate::listener::Place;

/// How often a subscriber is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A subscriber that said nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// Longest time a subscriber may take for what is sent at once.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time the last words may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A subscriber from its upgrade to its end.
pub(super) struct Subscriber {
    pub(super) cursor: Cursor,
    pub(super) reset: bool,
    pub(super) filter: Filter,
    /// Whose token lets it watch, as long as that is good.
    pub(super) viewer: Viewer,
    /// Lets the server wait for this subscriber when it stops.
    pub(super) task: TaskTrackerToken,
    /// Counts among the connections as long as it lives.
    pub(super) place: Option<Place>,
    /// Counts among the streams of its token as long as it lives.
    pub(super) held: Held<Holder>,
    pub(super) app: App,
}

/// Why a subscriber's socket ends.
enum End {
    /// The peer went, in whatever manner.
    Gone,
    /// The peer takes its leave, and waits for the answer.
    Leaving,
    /// The peer is too slow, silent, or cannot be read.
    Lost,
    /// The server closes it.
    Close(u16, &'static str),
}

impl Subscriber {
    /// Serves the socket until either side ends it.
    pub(super) async fn run(self, mut socket: WebSocket) {
        let Self { cursor, reset, filter, viewer, task, place, held, app } = self;
        app.metrics.subscribers.inc();
        let mut serving =
            Serving { newest: app.hub.watch(), heard: Instant::now(), cursor, filter, app: &app };
        let end = match serving.begin(&mut socket, reset).await {
            ControlFlow::Continue(()) => serving.serve(&mut socket, &viewer).await,
            ControlFlow::Break(end) => end,
        };
        match end {
            End::Gone => {}
            // the answer stands ready; a peer that does not take it is gone as well
            End::Leaving => drop(timeout(FAREWELL, socket.flush()).await),
            End::Lost => {
                app.metrics.subscribers_lost.inc();
            }
            End::Close(code, reason) => close(socket, code, reason).await,
        }
        app.metrics.subscribers.dec();
        drop((place, held, task));
    }
}

enum Next {
    Stop,
    Ended(Ended),
    Heard(Option<Result<Message, axum::Error>>),
    Ping,
    News,
}

struct Serving<'a> {
    newest: watch::Receiver<u64>,
    heard: Instant,
    cursor: Cursor,
    filter: Filter,
    app: &'a App,
}

impl Serving<'_> {
    async fn begin(&mut self, socket: &mut WebSocket, reset: bool) -> ControlFlow<End> {
        if reset { send_reset(socket).await } else { ControlFlow::Continue(()) }
    }

    async fn serve(&mut self, socket: &mut WebSocket, viewer: &Viewer) -> End {
        let app = self.app;
        let mut ended = std::pin::pin!(app.access.ended(viewer));
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let seen = self.cursor.seq();
            let next = tokio::select! {
                () = app.stop.cancelled() => Next::Stop,
                why = &mut ended => Next::Ended(why),
                message = socket.recv() => Next::Heard(message),
                _ = ping.tick() => Next::Ping,
                news = self.newest.wait_for(|newest| *newest > seen) => news.map_or(Next::Stop, |_| Next::News),
            };
            // handled outside the select, where nothing can cut it off halfway
            let next = match next {
                Next::Stop => End::Close(close_code::AWAY, "the server stops").into(),
                Next::Ended(Ended::Token) => {
                    End::Close(close_code::POLICY, "the token was revoked or has expired").into()
                }
                Next::Ended(Ended::Scope) => {
                    End::Close(close_code::AGAIN, "the token shows other sources by now").into()
                }
                Next::Heard(message) => self.hear(message),
                Next::Ping => self.ping(socket).await,
                Next::News => self.pass_on(socket).await,
            };
            if let ControlFlow::Break(end) = next {
                return end;
            }
        }
    }

    /// What a subscriber says is of no interest, but that it says something is.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> ControlFlow<End> {
        match message {
            None => ControlFlow::Break(End::Gone),
            Some(Ok(Message::Close(_))) => ControlFlow::Break(End::Leaving),
            Some(Err(error)) => {
                tracing::debug!(%error, "a subscriber cannot be read");
                let farewell = broken::farewell(error);
                farewell.map_or(End::Lost, |(code, reason)| End::Close(code, reason)).into()
            }
            Some(Ok(_)) => {
                self.heard = Instant::now();
                ControlFlow::Continue(())
            }
        }
    }

    async fn ping(&mut self, socket: &mut WebSocket) -> ControlFlow<End> {
        if self.heard.elapsed() >= SILENCE {
            return ControlFlow::Break(End::Lost);
        }
        send_all(socket, vec![Message::Ping(axum::body::Bytes::new())]).await
    }

    async fn pass_on(&mut self, socket: &mut WebSocket) -> ControlFlow<End> {
        match self.cursor.take(&self.app.hub, &self.app.backend).await {
            Ok(Taken::Frames(frames)) => {
                let wanted = frames.iter().filter(|frame| self.filter.wants(frame));
                let wanted = wanted.map(|frame| Message::Text(frame.text.clone())).collect();
                send_all(socket, wanted).await
            }
            Ok(Taken::Gap) => send_reset(socket).await,
            Err(error) => {
                self.app.metrics.store_errors.inc();
                tracing::warn!(%error, "a subscriber cannot be caught up");
                End::Close(close_code::AGAIN, "the store is unavailable").into()
            }
        }
    }
}

impl From<End> for ControlFlow<End> {
    fn from(end: End) -> Self {
        Self::Break(end)
    }
}

async fn send_reset(socket: &mut WebSocket) -> ControlFlow<End> {
    send_all(socket, vec![Message::Text(Utf8Bytes::from_static(RESET_FRAME))]).await
}

/// Writes all messages and flushes once: a call of the system for each is what a burst would cost most.
async fn send_all(socket: &mut WebSocket, messages: Vec<Message>) -> ControlFlow<End> {
    let sending = async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    match timeout(SEND_DEADLINE, sending).await {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) => ControlFlow::Break(End::Gone),
        Err(_) => ControlFlow::Break(End::Lost),
    }
}

/// Says why, and waits a moment for the peer to answer so that the word is not lost in a reset.
async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let farewell = async {
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<(), axum::Error>(())
    };
    // a peer that does not listen hears nothing; the socket ends either way
    let _ = timeout(FAREWELL, farewell).await;
}
