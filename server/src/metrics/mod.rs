//! What `/metrics` tells. Labels come from closed lists, never from a request.

mod process;
mod stored;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use vibetea_protocol::{Clock, ErrorCode};

use process::Process;
use stored::Stored;

pub use stored::StoreFigures;

use crate::upkeep::UpkeepMetrics;

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The method, or `other`.
    pub method: &'static str,
    /// The route's template, or `unmatched`.
    pub route: String,
    /// The status.
    pub status: u16,
}

/// Labels of what came by one of the two POST routes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    /// `ingest` or `events`.
    pub route: &'static str,
}

/// Label of how long requests took.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TemplateLabel {
    /// The route's template, or `unmatched`.
    pub route: String,
}

/// Label of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabel {
    /// The code of the answer, one of [`ErrorCode`].
    pub code: &'static str,
}

/// Label of the one line that tells the release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

/// Histograms by route.
type ByRoute = Family<TemplateLabel, Histogram, fn() -> Histogram>;

/// All figures of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests by method, route and status.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds from a request's head to its answer's head, by route.
    request_seconds: ByRoute,
    /// Refused requests by code.
    refusals: Family<CodeLabel, Counter>,
    /// Seconds from handing a batch to the store to its commit.
    pub store_write_seconds: Histogram,
    /// Events stored for the first time.
    pub stored: Family<RouteLabel, Counter>,
    /// Events that were there already.
    pub duplicates: Family<RouteLabel, Counter>,
    /// Events handed to the live stream.
    pub broadcast: Counter,
    /// Subscribers of the live stream.
    pub subscribers: Gauge,
    /// Times a subscriber was caught up from the store.
    pub catch_ups: Counter,
    /// Subscribers that were given up because they read too slowly or were silent.
    pub subscribers_lost: Counter,
    /// Subscribers that were refused because their token, or all together, had the most streams allowed.
    pub subscribers_refused: Counter,
    /// Requests refused because their source sent too fast.
    pub rate_limited: Counter,
    /// Requests refused because their address asked too often.
    pub address_limited: Counter,
    /// Requests the store failed.
    pub store_errors: Counter,
    /// Open connections.
    pub connections: Gauge,
    /// Connections closed because the most allowed were open.
    pub connections_evicted: Counter,
    /// Connections closed because their address held the most allowed.
    pub connections_refused: Counter,
    /// TLS handshakes that came to nothing.
    pub handshakes_failed: Counter,
    /// Of retention and copies.
    pub upkeep: Arc<UpkeepMetrics>,
    in_store: Arc<Stored>,
}

/// Seconds; a request on one machine takes some hundred microseconds, one that waits for a slow disk seconds.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0, 10.0];

impl Metrics {
    /// Figures of a server that starts now.
    pub fn new(clock: &Clock) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("vibetea"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            refusals: Family::default(),
            store_write_seconds: Histogram::new(BUCKETS),
            stored: Family::default(),
            duplicates: Family::default(),
            broadcast: Counter::default(),
            subscribers: Gauge::default(),
            catch_ups: Counter::default(),
            subscribers_lost: Counter::default(),
            subscribers_refused: Counter::default(),
            rate_limited: Counter::default(),
            address_limited: Counter::default(),
            store_errors: Counter::default(),
            connections: Gauge::default(),
            connections_evicted: Counter::default(),
            connections_refused: Counter::default(),
            handshakes_failed: Counter::default(),
            upkeep: Arc::default(),
            in_store: Arc::default(),
        };
        metrics.register();
        metrics.register_collectors(clock);
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("http_requests", "Requests by method, route and status", self.requests.clone());
        r.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's head, by route",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        r.register("http_refusals", "Refused requests by error code", self.refusals.clone());
        r.register_with_unit(
            "store_write_duration",
            "Time from handing a batch to the store to its commit",
            Unit::Seconds,
            self.store_write_seconds.clone(),
        );
        r.register("events_stored", "Events stored for the first time", self.stored.clone());
        r.register("events_duplicate", "Events that were there already", self.duplicates.clone());
        r.register("events_broadcast", "Events handed to the live stream", self.broadcast.clone());
        r.register("ws_connections", "Subscribers of the live stream", self.subscribers.clone());
        r.register("ws_catch_ups", "Pages read for subscribers that fell behind", self.catch_ups.clone());
        r.register("ws_lost", "Subscribers given up as too slow or silent", self.subscribers_lost.clone());
        r.register(
            "ws_refused",
            "Subscribers refused as too many of one token, or of all",
            self.subscribers_refused.clone(),
        );
        r.register("rate_limited", "Requests refused as too fast", self.rate_limited.clone());
        r.register(
            "address_limited",
            "Requests and streams refused as too many of one address",
            self.address_limited.clone(),
        );
        r.register("store_errors", "Requests the store failed", self.store_errors.clone());
        r.register("http_connections", "Open connections", self.connections.clone());
        r.register(
            "http_connections_evicted",
            "Waiting connections closed to make room for new ones",
            self.connections_evicted.clone(),
        );
        r.register(
            "http_connections_refused",
            "Connections closed as too many of one address",
            self.connections_refused.clone(),
        );
        r.register(
            "tls_handshakes_failed",
            "TLS handshakes that came to nothing",
            self.handshakes_failed.clone(),
        );
        self.upkeep.register(r);
    }

    fn register_collectors(&mut self, clock: &Clock) {
        let version = Info::new(VersionLabel { version: env!("CARGO_PKG_VERSION") });
        self.registry.register("build", "The release", version);
        self.registry.register_collector(Box::new(Process::started(clock.now())));
        self.registry.register_collector(Box::new(Arc::clone(&self.in_store)));
    }

    /// Counts a request that took so many seconds.
    pub fn count_request(&self, labels: &RequestLabels, seconds: f64) {
        let route = TemplateLabel { route: labels.route.clone() };
        self.request_seconds.get_or_create(&route).observe(seconds);
        self.requests.get_or_create(labels).inc();
    }

    /// Counts a refused request.
    pub fn count_refusal(&self, code: ErrorCode) {
        self.refusals.get_or_create(&CodeLabel { code: code.as_str() }).inc();
    }

    /// Notes what is known of the store, to be told from now on.
    pub fn note_store(&self, figures: StoreFigures) {
        self.in_store.note(figures);
    }

    /// Counts what came of a batch of `received` events of which `stored` were new.
    pub fn count_batch(&self, route: &'static str, received: u64, stored: u64) {
        self.stored.get_or_create(&RouteLabel { route }).inc_by(stored);
        self.duplicates.get_or_create(&RouteLabel { route }).inc_by(received.saturating_sub(stored));
    }

    /// All figures as text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Totals;

    #[test]
    fn figures_are_told_under_the_prefix() {
        let metrics = Metrics::new(&Clock::System);
        metrics.count_batch("ingest", 10, 7);
        metrics.subscribers.inc();
        let text = metrics.text().unwrap();
        assert!(text.contains("vibetea_events_stored_total{route=\"ingest\"} 7\n"), "{text}");
        assert!(text.contains("vibetea_events_duplicate_total{route=\"ingest\"} 3\n"), "{text}");
        assert!(text.contains("vibetea_ws_connections 1\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("vibetea_")), "{text}");
    }

    #[test]
    fn the_release_the_process_and_the_store_are_told() {
        let metrics = Metrics::new(&Clock::System);
        let text = metrics.text().unwrap();
        assert!(
            text.contains(&format!("vibetea_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION")))
        );
        assert!(text.contains("\nvibetea_process_start_time_seconds "), "{text}");
        #[cfg(target_os = "linux")]
        for name in ["process_resident_memory_bytes", "process_open_fds"] {
            assert!(text.contains(&format!("\nvibetea_{name} ")), "{name}: {text}");
        }
        assert!(
            !text.contains("vibetea_store_writable"),
            "nothing is told of a store that was not asked: {text}"
        );

        let totals = Totals { events: 9, sources: 2, by_type: [0, 4, 5, 0, 0, 0], ..Totals::default() };
        metrics.note_store(StoreFigures { writable: true, totals: Some(totals) });
        let text = metrics.text().unwrap();
        for line in [
            "vibetea_store_writable 1",
            "vibetea_store_sources 2",
            "vibetea_store_events{type=\"tool\"} 5",
            "vibetea_store_events{type=\"error\"} 0",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
        }
        assert!(!text.contains("newest_event"), "an empty store has no newest event: {text}");
    }

    /// Some scrapers refuse all of a text that tells one figure twice.
    #[test]
    fn every_figure_is_told_once() {
        let twice = |text: &str| {
            let mut kinds: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
            let told = kinds.len();
            kinds.sort_unstable();
            kinds.dedup();
            told - kinds.len()
        };
        let mut metrics = Metrics::new(&Clock::System);
        assert_eq!(twice(&metrics.text().unwrap()), 0);
        // the twin: figures that are put there twice are seen
        metrics.upkeep.register(&mut metrics.registry);
        assert!(twice(&metrics.text().unwrap()) > 0);
    }

    #[test]
    fn times_are_kept_by_route_and_refusals_by_code() {
        let metrics = Metrics::new(&Clock::System);
        let labels = RequestLabels { method: "GET", route: "/query".to_owned(), status: 401 };
        metrics.count_request(&labels, 0.003);
        metrics.count_refusal(ErrorCode::InvalidToken);
        let text = metrics.text().unwrap();
        for line in [
            "vibetea_http_requests_total{method=\"GET\",route=\"/query\",status=\"401\"} 1",
            "vibetea_http_request_duration_seconds_bucket{le=\"0.005\",route=\"/query\"} 1",
            "vibetea_http_refusals_total{code=\"invalid_token\"} 1",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
        }
    }
}
