//! What all requests share, and the life of the server from binding its port to closing its store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vibetea_protocol::{Clock, ErrorCode};

use crate::auth::{self, Senders, Tickets, Viewers};
use crate::backend::{Backend, Relay, frames};
use crate::config::{Access, AllowedHost, BasePath, Config, CorsOrigins, Database};
use crate::error::Refusal;
use crate::hub::Hub;
use crate::limit::RateLimit;
use crate::listener::{self, Limits};
use crate::metrics::Metrics;
use crate::routes;
use crate::store::{LiveEvent, OnLive, OpenError, PostgresOptions, SqliteOptions, Store, StoreError};

/// What all requests share.
pub struct AppState {
    /// Who may send.
    pub senders: Senders,
    /// Who may watch.
    pub viewers: Viewers,
    /// Tickets that wait to be used, where no other server takes them.
    pub tickets: Tickets,
    /// How fast a source may send.
    pub rate: RateLimit,
    /// The live stream.
    pub hub: Arc<Hub>,
    /// What becomes of events.
    pub backend: Backend,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// The wall clock.
    pub clock: Clock,
    /// When the server started.
    pub started: Instant,
    /// Largest body of the batch route, in bytes.
    pub max_ingest_body: usize,
    /// Largest body of the live route, in bytes.
    pub max_events_body: usize,
    /// `Host` names this server answers to; `None` for any.
    pub allowed_hosts: Option<Vec<AllowedHost>>,
    /// The path below which everything is served.
    pub base_path: BasePath,
    /// Whose pages may call this server.
    pub cors: CorsOrigins,
    /// Cancelled once the server stops.
    pub stop: CancellationToken,
    /// The subscribers' tasks.
    pub sockets: TaskTracker,
}

/// Shared by every request.
pub type App = Arc<AppState>;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {error}; PORT or --port sets another port, VIBETEA_HOST or --host another address"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the store: {0}")]
    Open(#[from] OpenError),
    /// The store was opened and cannot be read.
    #[error("cannot read the store: {0}")]
    Store(#[from] StoreError),
}

/// Longest time requests and subscribers get to end.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the server until `stop` is cancelled; tells the bound address once requests are answered.
pub async fn run(
    config: Config,
    on_ready: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), RunError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let address = SocketAddr::new(config.host, config.port);
    let bind = |error| RunError::Bind { address, error };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    let limits = Limits { most_connections: config.max_connections, drain: DRAIN };
    let app = build(config, Clock::System, stop.clone()).await?;
    tracing::info!(address = %bound, "listening");
    on_ready(bound);
    listener::serve(listener, routes::router(&app), &limits, Arc::clone(&app.metrics), stop).await;
    app.sockets.close();
    if tokio::time::timeout(DRAIN, app.sockets.wait()).await.is_err() {
        tracing::warn!("some subscribers did not take their leave in time");
    }
    if let Backend::Store(store) = &app.backend {
        store.close().await;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn build(config: Config, clock: Clock, stop: CancellationToken) -> Result<App, RunError> {
    let hub = Arc::new(Hub::default());
    let metrics = Arc::new(Metrics::default());
    let backend = match config.database {
        Database::Relay => Backend::Relay(Relay::new(Arc::clone(&hub))),
        Database::Sqlite(path) => {
            let on_live = on_live(&hub, &metrics);
            keep(&hub, Store::open_sqlite(SqliteOptions::new(path), clock.clone(), on_live).await?).await?
        }
        Database::Postgres(url) => {
            let on_live = on_live(&hub, &metrics);
            let options = PostgresOptions::new(url.expose());
            keep(&hub, Store::open_postgres(options, clock.clone(), on_live).await?).await?
        }
    };
    let (senders, viewers) = match config.access {
        Access::Guarded { keys, token } => (Senders::Registered(keys), Viewers::Holders(token)),
        Access::Open => (Senders::Anybody, Viewers::Anybody),
    };
    Ok(Arc::new(AppState {
        senders,
        viewers,
        tickets: Tickets::default(),
        rate: RateLimit::new(config.rate_per_sec, config.rate_burst),
        hub,
        backend,
        metrics,
        clock,
        started: Instant::now(),
        max_ingest_body: config.max_ingest_body,
        max_events_body: config.max_events_body,
        allowed_hosts: config.allowed_hosts,
        base_path: config.base_path,
        cors: config.cors,
        stop,
        sockets: TaskTracker::new(),
    }))
}

/// Spreads the live events that a store tells of.
fn on_live(hub: &Arc<Hub>, metrics: &Arc<Metrics>) -> OnLive {
    let (hub, metrics) = (Arc::clone(hub), Arc::clone(metrics));
    Box::new(move |events: &[LiveEvent]| {
        metrics.broadcast.inc_by(events.len() as u64);
        hub.publish(frames(events));
    })
}

async fn keep(hub: &Hub, store: Store) -> Result<Backend, StoreError> {
    hub.start_behind(store.newest_seq().await?);
    Ok(Backend::Store(store))
}

impl AppState {
    /// The store, or the refusal of a server that keeps nothing.
    pub fn store(&self) -> Result<&Store, Refusal> {
        match &self.backend {
            Backend::Store(store) => Ok(store),
            Backend::Relay(_) => Err(Refusal::new(
                ErrorCode::NotFound,
                "This server keeps no history: it only passes live events on",
            )),
        }
    }

    /// The store, for the routes of the API: without one they are unavailable, as the capabilities say.
    pub fn history(&self) -> Result<&Store, Refusal> {
        match &self.backend {
            Backend::Store(store) => Ok(store),
            Backend::Relay(_) => Err(Refusal::new(
                ErrorCode::Unavailable,
                "This server keeps no history: it only passes live events on",
            )),
        }
    }

    /// Lets a ticket wait to be used, on any server of the same database.
    pub async fn keep_ticket(&self, digest: [u8; 32]) -> Result<(), Refusal> {
        match &self.backend {
            Backend::Store(Store::Postgres(shared)) => shared
                .keep_ticket(digest, auth::TICKET_LIFETIME)
                .await
                .map_err(|error| self.store_failed(error)),
            Backend::Store(Store::Sqlite(_)) | Backend::Relay(_) => {
                self.tickets.keep(digest, Instant::now());
                Ok(())
            }
        }
    }

    /// Whether the ticket was waiting; it no longer is.
    pub async fn take_ticket(&self, digest: [u8; 32]) -> Result<bool, Refusal> {
        match &self.backend {
            Backend::Store(Store::Postgres(shared)) => {
                shared.take_ticket(digest).await.map_err(|error| self.store_failed(error))
            }
            Backend::Store(Store::Sqlite(_)) | Backend::Relay(_) => {
                Ok(self.tickets.take(&digest, Instant::now()))
            }
        }
    }

    /// Counts a failure of the store and turns it into an answer.
    pub fn store_failed(&self, error: StoreError) -> Refusal {
        self.metrics.store_errors.inc();
        error.into()
    }

    /// Whether anybody on this machine may send and watch.
    pub fn is_open(&self) -> bool {
        matches!(self.viewers, Viewers::Anybody)
    }
}
