//! A server whose file is in a folder of the test's choice, who sends to it, and what must be stored there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_protocol::Clock;
use vibetea_protocol::signing::sign_body;
use vibetea_tests::answers::{self, Answer};
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::stored;
use vibetea_tests::wait::until;

pub(super) const LONG: Duration = Duration::from_mins(1);

/// See the module.
pub(super) struct Site {
    place: Place,
    key: String,
    signer: SigningKey,
    data: PathBuf,
}

impl Site {
    pub(super) fn on(data: PathBuf) -> Self {
        let place = Place::new();
        let key = place.make_keys();
        let signer = SigningKey::from_bytes(&place.private_key());
        Self { place, key, signer, data }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.data.join("vibetea.db")
    }

    /// The file that a batch is written to first.
    pub(super) fn log(&self) -> PathBuf {
        self.data.join("vibetea.db-wal")
    }

    pub(super) fn home(&self) -> &Path {
        self.place.home()
    }

    /// Starts the server, under another program if need be, and waits until it can store; what it says where it ends
    /// instead.
    pub(super) fn start_under(&self, wrapper: &[&str]) -> Result<Program, String> {
        let data = self.data.to_string_lossy();
        let mut server = self.place.start_server_under(wrapper, &self.key, &[("VIBETEA_DATA_DIR", &data)]);
        let server_at = loopback(self.place.port);
        until(LONG, "the server is ready or ends", || {
            if let Some(status) = server.ended() {
                return Some(Err(format!("the server ended with {status}: {}", server.stderr())));
            }
            let answer = answers::get(server_at, "/readyz", &[])?;
            (answer.status == 200).then_some(Ok(()))
        })?;
        Ok(server)
    }

    pub(super) fn start(&self) -> Result<Program, String> {
        self.start_under(&[])
    }

    /// Makes an empty store as it has to be.
    pub(super) fn make_store(&self) {
        let server = self.start().unwrap_or_else(|what| panic!("{what}"));
        server.terminate();
        assert!(server.wait(LONG).status.success());
    }

    /// Sends the events of these numbers in one batch; `None` where no answer comes.
    pub(super) fn post(&self, path: &str, numbers: Range<u64>) -> Option<Answer> {
        let events: Vec<Value> = numbers.map(event).collect();
        let body = serde_json::to_vec(&events).unwrap();
        let headers =
            [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&self.signer, &body))];
        answers::post(loopback(self.place.port), path, &headers, &body)
    }

    /// The file is whole, what was acknowledged is in it once, and what is kept of events agrees with them.
    pub(super) fn judge(&self, acknowledged: &BTreeSet<u64>) -> Result<(), String> {
        let said = |error: rusqlite::Error| error.to_string();
        let database = self.database();
        let integrity = stored::integrity(&database).map_err(said)?;
        if integrity != "ok" {
            return Err(format!("the file is damaged: {integrity}"));
        }
        let ids = stored::ids(&database).map_err(said)?;
        let stored: BTreeSet<u64> = ids.iter().filter_map(|id| number(id)).collect();
        let lost: Vec<&u64> = acknowledged.difference(&stored).collect();
        if let Some(first) = lost.first() {
            return Err(format!("{} of {} are lost, as {first}", lost.len(), acknowledged.len()));
        }
        if stored.len() != ids.len() {
            return Err(format!("{} rows hold {} events", ids.len(), stored.len()));
        }
        let store = stored::open(&database).map_err(said)?;
        for (table, kept) in stored::KEPT {
            let sum = format!("SELECT coalesce(sum({kept}), 0) FROM {table}");
            let counted: usize = store.query_row(&sum, [], |row| row.get(0)).map_err(said)?;
            if counted != ids.len() {
                return Err(format!("{table} counts {counted} of {} events", ids.len()));
            }
        }
        let mut sessions = store.prepare("SELECT name, events FROM session").map_err(said)?;
        let kept = sessions.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(said)?;
        let kept: BTreeMap<String, u64> = kept.collect::<Result<_, _>>().map_err(said)?;
        let mut expected = BTreeMap::new();
        for number in stored {
            *expected.entry(session(number)).or_default() += 1;
        }
        if kept == expected { Ok(()) } else { Err(format!("sessions are {kept:?} and not {expected:?}")) }
    }
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix("evt_")?.parse().ok()
}

fn session(number: u64) -> String {
    format!("s-{}", number / 50)
}

/// A tool event, now.
fn event(number: u64) -> Value {
    json!({
        "id": format!("evt_{number:020}"), "source": SOURCE, "timestamp": Clock::System.now(), "type": "tool",
        "payload": { "sessionId": session(number), "tool": "Read", "status": "started", "project": "shop" },
    })
}
