//! Accepts connections and serves HTTP/1.1 on them, within limits of time and number. Knows no route.

mod io;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::metrics::Metrics;
use io::Patient;
use waiting::{Seat, Waiting};

/// Longest time a request's head may take, and longest time a connection may idle between two requests.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Longest time without a byte taken by a peer that has data to read.
const STALL: Duration = Duration::from_secs(30);
/// A pause after the system refused to accept, as it does when it is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection that carries no request this long after the stop is closed.
const STOP_GRACE: Duration = Duration::from_millis(250);

/// How many connections and how long they may take to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most connections at a time, those of subscribers included.
    pub(crate) most_connections: usize,
    /// Longest time that requests get to end after the stop.
    pub(crate) drain: Duration,
}

/// A connection's place among the most allowed; whoever takes over the connection keeps it.
#[derive(Clone)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

struct Shared {
    router: Router,
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
    limits: &Limits,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let cut = CancellationToken::new();
    let shared = Shared { router, waiting: Arc::default(), metrics, stop: stop.clone(), cut: cut.clone() };
    let shared = Arc::new(shared);
    let places = Arc::new(Semaphore::new(limits.most_connections));
    let connections = TaskTracker::new();
    let accept = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = take_place(&places, &shared).await else { return };
            connections.spawn(connection(stream, Place { _permit: Arc::new(permit) }, Arc::clone(&shared)));
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = accept => {}
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
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
    if shared.waiting.evict_longest() {
        shared.metrics.connections_evicted.inc();
    }
    Arc::clone(places).acquire_owned().await
}

async fn connection(stream: TcpStream, place: Place, shared: Arc<Shared>) {
    shared.metrics.connections.inc();
    // small answers are sent at once; where the system cannot, they are only slower
    let _ = stream.set_nodelay(true);
    let evicted = CancellationToken::new();
    let seat = Seat::take(Arc::clone(&shared.waiting), evicted.clone());
    tokio::select! {
        () = talk(stream, place, &shared, &seat) => {}
        () = evicted.cancelled() => {}
        () = shared.cut.cancelled() => {}
    }
    shared.metrics.connections.dec();
}

async fn talk(stream: TcpStream, place: Place, shared: &Shared, seat: &Seat) {
    let service = service_fn(|request: Request<Incoming>| {
        let router = shared.router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(place.clone());
        seat.leave();
        async move {
            let answer = router.oneshot(request).await;
            // an upgraded connection is waited for by the one who took it over
            if answer.as_ref().is_ok_and(|answer| answer.status() != StatusCode::SWITCHING_PROTOCOLS) {
                seat.wait();
            }
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_header_size(MAX_HEAD)
        .pipeline_flush(true);
    let connection =
        builder.serve_connection(TokioIo::new(Patient::new(stream, STALL)), service).with_upgrades();
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
    if tokio::time::timeout(STOP_GRACE, connection.as_mut()).await.is_err() && !seat.is_waiting() {
        let _ = connection.await;
    }
}
