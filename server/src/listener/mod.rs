//! Accepts connections and serves HTTP/1.1 on them, within limits of time and number. Knows no route.

mod body;
mod descriptors;
mod io;
#[cfg(test)]
mod tests;
mod waiting;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::callers::{Block, Callers, Held, Peer};
use crate::metrics::Metrics;
use body::Awaited;
use io::Patient;
use waiting::{Seat, Waiting};

/// Longest time to a connection's first head, a TLS handshake included, and longest time a connection may idle between
/// two requests.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time a TLS handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most that is read ahead of a connection, in bytes: a thousand peers may each have sent as much that nobody wants yet.
const READ_AHEAD: usize = 32 * 1024;
/// Longest time without a byte taken by a peer that has data to read.
const STALL: Duration = Duration::from_secs(30);
/// A pause after the system refused to accept, as it does when it is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection that carries no request this long after the stop is closed.
const STOP_GRACE: Duration = Duration::from_millis(250);

/// How connections are taken, how many, and how long they may take to end.
pub(crate) struct Rules {
    /// Most connections at a time, those of subscribers included.
    pub(crate) most_connections: usize,
    /// What an address may hold.
    pub(crate) callers: Arc<Callers>,
    /// `None` for plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Longest time that requests get to end after the stop.
    pub(crate) drain: Duration,
}

/// A connection's place among the most allowed; whoever takes over the connection keeps it.
#[derive(Clone)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
    _held: Arc<Option<Held<Block>>>,
    _stream: Option<Arc<Held<Block>>>,
    for_streams: Arc<Semaphore>,
    _of_streams: Option<Arc<OwnedSemaphorePermit>>,
}

impl Place {
    /// The same, which gives back this too when the connection has ended.
    pub(crate) fn with(self, more: Held<Block>) -> Self {
        Self { _stream: Some(Arc::new(more)), ..self }
    }

    /// The same as that of a live stream; `None` where those have as many places as they may.
    pub(crate) fn of_stream(self) -> Option<Self> {
        let permit = Arc::clone(&self.for_streams).try_acquire_owned().ok()?;
        Some(Self { _of_streams: Some(Arc::new(permit)), ..self })
    }
}

/// Of so many places, those that live streams may have: one in eight is kept for requests, as streams never give way.
fn for_streams(places: usize) -> usize {
    (places - places.div_ceil(8)).max(1)
}

struct Shared {
    router: Router,
    acceptor: Option<TlsAcceptor>,
    waiting: Arc<Waiting>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    /// Cancelled when requests have had their time to end.
    cut: CancellationToken,
}

/// Serves until `stop` is cancelled and the requests that were under way have ended.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    rules: Rules,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let cut = CancellationToken::new();
    let shared = Shared {
        router,
        acceptor: rules.tls.map(TlsAcceptor::from),
        waiting: Arc::default(),
        metrics,
        stop: stop.clone(),
        cut: cut.clone(),
    };
    let shared = Arc::new(shared);
    let most = descriptors::fit(rules.most_connections);
    let places = Arc::new(Semaphore::new(most));
    let for_streams = Arc::new(Semaphore::new(for_streams(most)));
    let connections = TaskTracker::new();
    let accept = async {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok((stream, peer)) => (stream, peer.ip()),
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(held) = rules.callers.connect(peer) else {
                shared.metrics.connections_refused.inc();
                continue;
            };
            let Ok(permit) = take_place(&places, &shared).await else { return };
            let place = Place {
                _permit: Arc::new(permit),
                _held: Arc::new(held),
                _stream: None,
                for_streams: Arc::clone(&for_streams),
                _of_streams: None,
            };
            connections.spawn(connection(stream, peer, place, Arc::clone(&shared)));
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = accept => {}
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(rules.drain, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
        cut.cancel();
        connections.wait().await;
    }
}

/// A peer that was gone again before it was accepted.
fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A place for a new connection; where none is free, the one that has kept the server waiting longest goes.
async fn take_place(
    places: &Arc<Semaphore>,
    shared: &Shared,
) -> Result<OwnedSemaphorePermit, tokio::sync::AcquireError> {
    if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
        return Ok(permit);
    }
    while !shared.waiting.evict_longest() {
        // all are at work: the first that is done with it goes
        tokio::select! {
            permit = Arc::clone(places).acquire_owned() => return permit,
            () = shared.waiting.joined() => {}
        }
    }
    shared.metrics.connections_evicted.inc();
    Arc::clone(places).acquire_owned().await
}

async fn connection(stream: TcpStream, peer: IpAddr, place: Place, shared: Arc<Shared>) {
    shared.metrics.connections.inc();
    // small answers are sent at once; where the system cannot, they are only slower
    let _ = stream.set_nodelay(true);
    let evicted = CancellationToken::new();
    let seat = Seat::take(Arc::clone(&shared.waiting), evicted.clone());
    let served = async {
        let (stream, begun) = (Patient::new(stream, STALL), Instant::now());
        let peer = Peer { address: peer, encrypted: shared.acceptor.is_some() };
        match &shared.acceptor {
            None => talk(stream, peer, place, HEAD_DEADLINE, &shared, &seat).await,
            Some(acceptor) => {
                let Some(stream) = shake_hands(acceptor, stream, &shared).await else { return };
                let left = HEAD_DEADLINE.saturating_sub(begun.elapsed());
                talk(stream, peer, place, left, &shared, &seat).await;
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = evicted.cancelled() => {}
        () = shared.cut.cancelled() => {}
    }
    // what is still read of a body keeps no seat
    seat.leave();
    shared.metrics.connections.dec();
}

/// The encrypted stream; `None` where the peer does not get that far, or the server stops.
async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    stream: S,
    shared: &Shared,
) -> Option<tokio_rustls::server::TlsStream<S>> {
    let hands = tokio::select! {
        hands = tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)) => hands,
        () = shared.stop.cancelled() => return None,
    };
    match hands {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
    shared.metrics.handshakes_failed.inc();
    None
}

/// Without `pipeline_flush`: with it, answers to a peer that asks on and on and reads nothing are kept without a bound.
fn protocol(head_deadline: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_deadline);
    builder.max_header_size(MAX_HEAD).max_buf_size(READ_AHEAD);
    builder
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    place: Place,
    head_deadline: Duration,
    shared: &Shared,
    seat: &Arc<Seat>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let router = shared.router.clone();
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                seat.leave();
                Body::empty()
            } else {
                Body::new(Awaited::new(body, seat.wait_for_body()))
            }
        });
        request.extensions_mut().insert(place.clone());
        request.extensions_mut().insert(peer);
        async move {
            let answer = router.oneshot(request).await;
            // an upgraded connection is waited for by the one who took it over
            if answer.as_ref().is_ok_and(|answer| answer.status() != StatusCode::SWITCHING_PROTOCOLS) {
                seat.wait();
            }
            answer
        }
    });
    let connection = protocol(head_deadline).serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = shared.stop.cancelled() => None,
    };
    // peers break off and speak nonsense all day: that is no news
    if let Some(ended) = ended {
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
        return;
    }
    connection.as_mut().graceful_shutdown();
    if tokio::time::timeout(STOP_GRACE, connection.as_mut()).await.is_err() && !seat.is_idle() {
        let _ = connection.await;
    }
}
