//! Stores of their own and events to put into them, whichever database this suite is built for.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use vibetea_protocol::{Clock, EventId, EventType, SourceId, Timestamp};
use vibetea_server::store::{LiveEvent, NewBatch, NewEvent, OnLive, OpenError, Route, Store, StoreError};

use crate::home::{Home, KEEPS_BYTES, Options};

/// Longest anything here may take to happen; only a fault reaches it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The long form is asked for by `cargo xtask soak`.
pub(crate) fn is_soak() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
    std::env::var_os("VIBETEA_SOAK").is_some()
}

/// A database, a clock that stands and what was broadcast.
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) clock: Clock,
    pub(crate) broadcast: Arc<Mutex<Vec<LiveEvent>>>,
    /// How often the live stream was told of something.
    pub(crate) tellings: Arc<AtomicUsize>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::at(Home::new())
    }

    pub(crate) fn at(home: Home) -> Self {
        let clock = Clock::fixed(at("2026-02-03T14:30:00Z"));
        Self { home, clock, broadcast: Arc::default(), tellings: Arc::default() }
    }

    pub(crate) fn options(&self) -> Options {
        self.home.options()
    }

    pub(crate) fn recorder(&self) -> OnLive {
        let broadcast = Arc::clone(&self.broadcast);
        let tellings = Arc::clone(&self.tellings);
        Box::new(move |live| {
            tellings.fetch_add(1, Ordering::Relaxed);
            broadcast.lock().unwrap().extend_from_slice(live);
        })
    }

    /// Opens the store with other options, or another ear at its live stream.
    pub(crate) async fn open_as(&self, options: Options, on_live: OnLive) -> Result<Store, OpenError> {
        crate::home::open(options, self.clock.clone(), on_live).await
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        self.open_as(self.options(), self.recorder()).await
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) fn execute(&self, sql: &str) {
        self.home.execute(sql);
    }

    /// The first column of a query past the store.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        self.home.column(sql)
    }

    /// What was broadcast, once all was that stands in the live stream.
    pub(crate) async fn told(&self, store: &Store) -> Vec<LiveEvent> {
        let expected = store.live_events_after(0, 1_000_000).await.unwrap().len();
        let start = Instant::now();
        while self.broadcast.lock().unwrap().len() < expected {
            assert!(start.elapsed() < DEADLINE, "{expected} events stand in the live stream");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.broadcast.lock().unwrap().clone()
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn source(name: &str) -> Arc<SourceId> {
    Arc::new(name.parse().unwrap())
}

/// Numbers of one database between two calls of [`clear`].
const NUMBERS: u64 = 1_000_000;

thread_local! {
    /// How often [`clear`] was called: the server remembers ids, so what comes after has others.
    static CLEARED: Cell<u64> = const { Cell::new(0) };
}

/// The id of that number.
pub(crate) fn id(number: u64) -> EventId {
    let number = CLEARED.get() * NUMBERS + number;
    format!("evt_{number:020}").parse().unwrap()
}

pub(crate) fn event(number: u64, timestamp: Timestamp) -> NewEvent {
    let event_type = EventType::ALL[usize::try_from(number % 6).unwrap()];
    let payload = Bytes::from(format!(r#"{{"project":"shop","n":{number}}}"#));
    NewEvent::new(id(number), timestamp, event_type, payload)
}

/// Events of those numbers, all at the same moment.
pub(crate) fn batch(name: &str, route: Route, numbers: impl IntoIterator<Item = u64>) -> NewBatch {
    let timestamp = at("2026-02-03T14:05:06.789Z");
    let events = numbers.into_iter().map(|number| event(number, timestamp)).collect();
    NewBatch { source: source(name), route, events }
}

pub(crate) async fn insert(
    store: &Store,
    name: &str,
    route: Route,
    numbers: impl IntoIterator<Item = u64>,
) -> Result<u64, StoreError> {
    store.bulk_insert_events(batch(name, route, numbers)).await
}

/// Numbers of all stored events, read past the store.
pub(crate) fn stored(place: &Place) -> Vec<u64> {
    let ids = place.column("SELECT id FROM events ORDER BY id");
    ids.iter().map(|id| id.trim_start_matches("evt_").parse::<u64>().unwrap() % NUMBERS).collect()
}

/// The same payload: byte for byte where the database keeps it so, else the same JSON.
#[track_caller]
pub(crate) fn assert_payload(found: impl AsRef<[u8]>, expected: &str) {
    let found = std::str::from_utf8(found.as_ref()).unwrap();
    let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
    if KEEPS_BYTES {
        assert_eq!(found, expected);
    }
    assert_eq!(value(found), value(expected));
}

/// An empty database without the cost of a new one for each case. Names stay, for the writer remembers them.
pub(crate) fn clear(place: &Place) {
    CLEARED.set(CLEARED.get() + 1);
    place.home.clear();
}
