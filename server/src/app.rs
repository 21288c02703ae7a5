//! What all requests share, and the life of the server from binding its port to closing its store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vibetea_protocol::{Clock, ErrorCode, SourceId};

use crate::access::Registry;
use crate::auth::{self, Guesses, Holder, Tickets, Token, Unverified, Viewer};
use crate::backend::{Backend, Relay, frames};
use crate::backup::Origin;
use crate::callers::{Callers, Holdings};
use crate::config::{AllowedHost, BasePath, Config, CorsOrigins, Database, PublicUrl};
use crate::error::Refusal;
use crate::hub::Hub;
use crate::limit::RateLimit;
use crate::listener::{self, Rules};
use crate::metrics::Metrics;
use crate::routes;
use crate::service;
use crate::store::{
    LiveEvent, OnLive, OpenError, PostgresOptions, SqliteOptions, Store, StoreError, StoredTicket,
};
use crate::tls;
use crate::upkeep::{Asking, Upkeep};

/// What all requests share.
pub struct AppState {
    /// Who may send and who may watch.
    pub access: Arc<Registry>,
    /// Tickets that wait to be used, where no other server takes them.
    pub tickets: Tickets,
    /// How fast a source may send.
    pub rate: RateLimit<Arc<SourceId>>,
    /// Who asks from where, and how much one address may.
    pub callers: Arc<Callers>,
    /// How many live streams a token holds.
    pub streams: Arc<Holdings<Holder>>,
    /// How much is held of bodies whose sender is not proven yet.
    pub unverified: Arc<Unverified>,
    /// How often wrong enrolment codes are heard.
    pub guesses: Guesses,
    /// The live stream.
    pub hub: Arc<Hub>,
    /// What becomes of events.
    pub backend: Backend,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Whom to ask for their history.
    pub asking: Arc<Asking>,
    /// What is done beside the requests; nothing without a store.
    pub upkeep: Option<Upkeep>,
    /// What those who read the figures have to show; nothing without one.
    pub metrics_token: Option<Token>,
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
    /// The address by which others reach this server.
    pub public_url: Option<PublicUrl>,
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

/// Most sources whose rates are kept at a time.
const MOST_SOURCES: usize = 4096;
/// Longest time requests and subscribers get to end.
const DRAIN: Duration = Duration::from_secs(8);
/// Longest time to write down when sources and tokens were last seen.
const LAST_NOTE: Duration = Duration::from_secs(2);

/// Runs the server until `stop` is cancelled; tells the bound address once requests are answered.
pub async fn run(
    config: Config,
    on_ready: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), RunError> {
    run_by(config, Clock::System, on_ready, stop).await
}

/// The same by another clock than the machine's, as one that a test holds.
pub async fn run_by(
    config: Config,
    clock: Clock,
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
    let most_connections = config.max_connections;
    let tls = config.exposure.tls.clone().map(|pair| {
        let shown = tls::InUse::new(&pair);
        tokio::spawn(tls::follow(pair, Arc::clone(&shown), stop.clone()));
        tls::settings(shown)
    });
    let app = build(config, clock, stop.clone()).await?;
    tell_whom_it_admits(&app);
    let following = tokio::spawn(Arc::clone(&app.access).follow(stop.clone()));
    tracing::info!(address = %bound, tls = tls.is_some(), "listening");
    on_ready(bound);
    let attending = service::attend(&app, bound);
    let rules = Rules { most_connections, callers: Arc::clone(&app.callers), tls, drain: DRAIN };
    listener::serve(listener, routes::router(&app), rules, Arc::clone(&app.metrics), stop).await;
    app.sockets.close();
    if tokio::time::timeout(DRAIN, app.sockets.wait()).await.is_err() {
        tracing::warn!("some subscribers did not take their leave in time");
    }
    // a panic in it was already reported by the panic hook
    let _ = following.await;
    if let Some(upkeep) = &app.upkeep {
        upkeep.stop().await;
    }
    if let Backend::Store(store) = &app.backend {
        // a store that is away does not keep the server from stopping
        let _ = tokio::time::timeout(LAST_NOTE, app.access.note()).await;
        store.close().await;
    }
    // it ended with the stop; a panic in it was reported by the panic hook
    let _ = attending.await;
    tracing::info!("stopped");
    Ok(())
}

pub(crate) async fn build(config: Config, clock: Clock, stop: CancellationToken) -> Result<App, RunError> {
    let hub = Arc::new(Hub::default());
    let metrics = Arc::new(Metrics::new(&clock));
    let asking = Arc::new(Asking::default());
    let origin = Origin::of(&config.database);
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
    let upkeep = match (&backend, origin) {
        (Backend::Store(store), Some(origin)) => {
            // the first answer tells it as well
            asking.look(store).await;
            Some(Upkeep::start(
                store,
                origin,
                config.upkeep,
                (&clock, &metrics.upkeep),
                &asking,
                stop.child_token(),
            ))
        }
        _ => None,
    };
    let access = match &backend {
        Backend::Store(store) => Registry::open(config.access, store.access().clone(), clock.clone()).await?,
        Backend::Relay(_) => Registry::of_configuration(config.access),
    };
    Ok(Arc::new(AppState {
        access: Arc::new(access),
        tickets: Tickets::default(),
        rate: RateLimit::new(config.rate_per_sec, config.rate_burst, MOST_SOURCES),
        callers: Arc::new(Callers::new(&config.exposure)),
        streams: Arc::new(Holdings::new(config.max_streams_per_token)),
        unverified: Arc::new(Unverified::new(config.max_unverified_bytes)),
        guesses: Guesses::default(),
        hub,
        backend,
        metrics,
        asking,
        upkeep,
        metrics_token: config.metrics_token,
        clock,
        started: Instant::now(),
        max_ingest_body: config.max_ingest_body,
        max_events_body: config.max_events_body,
        allowed_hosts: config.allowed_hosts,
        base_path: config.base_path,
        public_url: config.public_url,
        cors: config.cors,
        stop,
        sockets: TaskTracker::new(),
    }))
}

/// A server that admits nobody yet says what changes that.
fn tell_whom_it_admits(app: &AppState) {
    let sender = "`vibetea-server enroll <source>` lets a machine send";
    let viewer = "`vibetea-server tokens create --name <name>` makes a token to watch with";
    match app.access.admits_nobody() {
        (true, true) => tracing::warn!("nobody may send or watch yet: {sender}, {viewer}"),
        (true, false) => tracing::warn!("nobody may send yet: {sender}"),
        (false, true) => tracing::warn!("nobody may watch yet: {viewer}"),
        (false, false) => {}
    }
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
        self.store_or(ErrorCode::NotFound)
    }

    /// The store, for the routes of the API: without one they are unavailable, as the capabilities say.
    pub fn history(&self) -> Result<&Store, Refusal> {
        self.store_or(ErrorCode::Unavailable)
    }

    fn store_or(&self, code: ErrorCode) -> Result<&Store, Refusal> {
        match &self.backend {
            Backend::Store(store) => Ok(store),
            Backend::Relay(_) => {
                Err(Refusal::new(code, "This server keeps no history: it only passes live events on"))
            }
        }
    }

    /// Whether a source may send now; one that sends too fast is refused and counted.
    pub fn admit(&self, source: &Arc<SourceId>) -> Result<(), Refusal> {
        self.rate.admit(source, Instant::now()).map_err(|seconds| {
            self.metrics.rate_limited.inc();
            Refusal::rate_limited(seconds)
        })
    }

    /// The viewer whose token the request shows, where there is something to administrate and they may.
    pub fn administrator(&self, headers: &HeaderMap) -> Result<Viewer, Refusal> {
        let viewer = self.access.viewer(headers)?;
        self.history()?;
        if viewer.admin {
            Ok(viewer)
        } else {
            Err(Refusal::new(ErrorCode::Forbidden, "This token opens no admin routes: an admin token does"))
        }
    }

    /// Lets a ticket for the holder of a token wait to be used, on any server of the same database.
    pub async fn keep_ticket(&self, digest: [u8; 32], holder: Holder) -> Result<(), Refusal> {
        match &self.backend {
            Backend::Store(Store::Postgres(shared)) => {
                let viewer = match holder {
                    Holder::Issued(viewer) => Some(viewer),
                    Holder::Configured => None,
                    // good on no server that asks for a token
                    Holder::Anybody => Some([0; 32]),
                };
                shared
                    .keep_ticket(StoredTicket { digest, viewer }, auth::TICKET_LIFETIME)
                    .await
                    .map_err(|error| self.store_failed(error))
            }
            Backend::Store(Store::Sqlite(_)) | Backend::Relay(_) => {
                self.tickets.keep(digest, holder, Instant::now());
                Ok(())
            }
        }
    }

    /// Whose ticket was waiting; it no longer is.
    pub async fn take_ticket(&self, digest: [u8; 32]) -> Result<Option<Holder>, Refusal> {
        match &self.backend {
            Backend::Store(Store::Postgres(shared)) => {
                let ticket = shared.take_ticket(digest).await.map_err(|error| self.store_failed(error))?;
                Ok(ticket.map(|ticket| ticket.viewer.map_or(Holder::Configured, Holder::Issued)))
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
        self.access.is_open()
    }
}
