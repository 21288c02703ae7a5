//! The three homes, empty, with the same keys and the same token.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_testkit::{Cluster, Database};
use vibetea_tests::answers::{self, Answer};
use vibetea_tests::hosted::Hosted;
use vibetea_tests::place::Place;
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::stored::{self, Stored};

/// The names of the homes, in the order of all that is told of them.
pub(crate) const NAMES: [&str; 3] = ["SQLite", "PostgreSQL", "hosted functions"];
const INGEST: &str = "/functions/v1/ingest";

pub(crate) struct Homes {
    places: [Place; 2],
    _servers: [Program; 2],
    database: Database,
    hosted: Hosted,
}

impl Homes {
    /// `None`, with a word, where PostgreSQL is not installed.
    pub(crate) fn start(sources: &BTreeSet<String>) -> Option<Self> {
        let database = Cluster::shared()?.database();
        let public = PublicKey::of(&key()).to_base64();
        let keys = sources.iter().map(|source| format!("{source}:{public}")).collect::<Vec<_>>().join(",");
        let hosted = Hosted::start(&keys)?;
        let places = [Place::new(), Place::new()];
        let variables = [("VIBETEA_PUBLIC_KEYS", keys.as_str()), ("VIBETEA_DATABASE_URL", &database.url())];
        let servers =
            [places[0].start_server_with("", &variables[..1]), places[1].start_server_with("", &variables)];
        Some(Self { places, _servers: servers, database, hosted })
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 3] {
        [loopback(self.places[0].port), loopback(self.places[1].port), self.hosted.address]
    }

    /// What each has stored, in the order of ids.
    pub(crate) fn rows(&self) -> [Vec<Stored>; 3] {
        let in_a_database = |url: &str| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(stored::events_at(url)).unwrap()
        };
        let in_a_file = stored::events(&self.places[0].database()).unwrap();
        [in_a_file, in_a_database(&self.database.url()), in_a_database(&self.hosted.database)]
    }

    /// A connection past the server on PostgreSQL.
    pub(crate) fn shell(&self) -> vibetea_testkit::Shell {
        self.database.shell()
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A batch that is signed as it should be.
pub(crate) fn ingest(home: SocketAddr, source: &str, body: &[u8]) -> Answer {
    let headers = [format!("X-Source-ID: {source}"), signature(body)];
    answers::post(home, INGEST, &headers, body).expect("an answer")
}

pub(crate) fn signature(body: &[u8]) -> String {
    format!("X-Signature: {}", sign_body(&key(), body))
}
