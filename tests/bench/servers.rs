//! Servers to be measured, each in a place of its own, and stores filled without the detour over HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use vibetea_protocol::{Clock, EventType, SourceId};
use vibetea_server::store::{NewBatch, NewEvent, Route, SqliteOptions, Store};
use vibetea_tests::place::{Place, source};
use vibetea_tests::program::{Program, loopback};

use crate::events::{Made, Maker, request};

const SOURCES: usize = 5;

/// A running server with the key that may send to it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) place: Place,
    pub(crate) program: Program,
    pub(crate) key: SigningKey,
    pub(crate) source: SourceId,
}

impl Server {
    /// On an empty store.
    pub(crate) fn start() -> Self {
        Self::start_in(Place::new())
    }

    /// On what is in this place.
    pub(crate) fn start_in(place: Place) -> Self {
        let public_key = place.make_keys();
        let key = SigningKey::from_bytes(&place.private_key());
        // all viewers of a measurement show one token
        let program = place.start_server_with(&public_key, &[("VIBETEA_MAX_STREAMS_PER_TOKEN", "1000")]);
        Self { place, program, key, source: source() }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        loopback(self.place.port)
    }

    /// So many signed requests with so many events each.
    pub(crate) fn requests(
        &self,
        path: &str,
        maker: &mut Maker,
        requests: usize,
        events: usize,
    ) -> Vec<Bytes> {
        (0..requests).map(|_| request(path, &maker.take(events), &self.source, &self.key)).collect()
    }
}

/// Opens a store in this process.
pub(crate) async fn open_store(path: &Path) -> Result<Store> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(Store::open_sqlite(SqliteOptions::new(path), Clock::System, Box::new(|_| {})).await?)
}

/// A batch as the routes make it.
pub(crate) fn batch(events: Vec<Made>, source: &Arc<SourceId>) -> NewBatch {
    let events = events
        .into_iter()
        .map(|event| NewEvent::new(event.id, event.timestamp, EventType::Tool, Bytes::from(event.payload)));
    NewBatch { source: Arc::clone(source), route: Route::Batch, events: events.collect() }
}

/// Fills a store with so many events of five sources that are all busy at the same time.
pub(crate) async fn fill(path: &Path, maker: &mut Maker, count: u64) -> Result<()> {
    let store = open_store(path).await?;
    fill_store(&store, maker, count).await?;
    store.close().await;
    Ok(())
}

/// The same for a store that is open.
pub(crate) async fn fill_store(store: &Store, maker: &mut Maker, count: u64) -> Result<()> {
    let name = |number| {
        if number == 0 { source() } else { format!("machine-{number}").parse().expect("a source") }
    };
    let sources: Vec<Arc<SourceId>> = (0..SOURCES).map(name).map(Arc::new).collect();
    let mut left = usize::try_from(count)?;
    while left > 0 {
        let size = left.min(1000 * SOURCES);
        let mut shares = vec![Vec::new(); SOURCES];
        for (event, turn) in maker.take(size).into_iter().zip((0..SOURCES).cycle()) {
            shares[turn].push(event);
        }
        for (events, source) in shares.into_iter().zip(&sources).filter(|(events, _)| !events.is_empty()) {
            store.bulk_insert_events(batch(events, source)).await?;
        }
        left -= size;
    }
    Ok(())
}
