//! A server of several on one database, and those who send to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_protocol::Clock;
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_testkit::{Database, Shell};
use vibetea_tests::answers::{self, Answer, bearer};
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::socket::Viewer;
use vibetea_tests::stored;
use vibetea_tests::wait;

/// Sources of these tests; each has a key.
pub(super) const SOURCES: [&str; 5] = ["laptop", "desktop", "büro", "attic", "cellar"];

const READY: Duration = Duration::from_mins(1);

fn key_of(source: &str) -> SigningKey {
    let mut seed = [7; 32];
    seed.iter_mut().zip(source.bytes()).for_each(|(seed, byte)| *seed = byte);
    SigningKey::from_bytes(&seed)
}

/// A server program on a database, in a place of its own.
pub(super) struct Replica {
    place: Place,
    url: String,
    program: Program,
}

impl Replica {
    /// Starts one and waits until it can store.
    pub(super) fn start(url: &str) -> Self {
        let mut replica = Self::start_unready(url);
        replica.wait_ready();
        replica
    }

    /// Starts one.
    pub(super) fn start_unready(url: &str) -> Self {
        let place = Place::new();
        let program = launch(&place, url);
        Self { place, url: url.to_owned(), program }
    }

    /// Starts it again on its port, after it was killed.
    pub(super) fn start_again(&mut self) {
        self.program = launch(&self.place, &self.url);
    }

    pub(super) fn wait_ready(&mut self) {
        self.try_wait_ready().unwrap_or_else(|what| panic!("{what}"));
    }

    /// Waits until it can store, or answers what it says where it ends instead.
    pub(super) fn try_wait_ready(&mut self) -> Result<(), String> {
        wait::until(READY, "the server is ready or ends", || {
            if let Some(status) = self.program.ended() {
                return Some(Err(format!("the server ended with {status}: {}", self.log())));
            }
            let answer = answers::get(self.address(), "/readyz", &[])?;
            (answer.status == 200).then_some(Ok(()))
        })
    }

    pub(super) fn kill(&mut self) {
        self.program.kill();
    }

    /// Waits for the end of one that does not start, and answers what it says.
    pub(super) fn refusal(self) -> String {
        let ended = self.program.wait(READY);
        assert!(!ended.status.success(), "{}", ended.stderr);
        ended.stderr
    }

    /// Stops it as a service manager does.
    pub(super) fn stop(self) {
        self.program.terminate();
        let ended = self.program.wait(Duration::from_secs(20));
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    pub(super) fn address(&self) -> SocketAddr {
        loopback(self.place.port)
    }

    pub(super) fn log(&self) -> String {
        self.program.stderr()
    }

    /// A path as a viewer asks for it.
    pub(super) fn view(&self, path: &str) -> Answer {
        answers::get(self.address(), path, &bearer(TOKEN)).expect("an answer")
    }

    /// A viewer's socket; `more` follows in the query, `&…`.
    pub(super) async fn viewer(&self, more: &str) -> Viewer {
        Viewer::open(self.address(), TOKEN, more).await
    }

    /// Sends a batch and wants it taken.
    pub(super) fn take(&self, path: &str, source: &str, events: &[Value]) {
        let answer = post(self.address(), path, source, events).expect("an answer");
        assert!(answer.status < 300, "{answer:?}");
    }
}

fn launch(place: &Place, url: &str) -> Program {
    let keys = SOURCES.map(|source| format!("{source}:{}", PublicKey::of(&key_of(source)).to_base64()));
    place.start(
        "vibetea-server",
        &[],
        &[
            ("PORT", &place.port.to_string()),
            ("VIBETEA_DATABASE_URL", url),
            ("VIBETEA_PUBLIC_KEYS", &keys.join(",")),
            ("VIBETEA_RATE_LIMIT_PER_SEC", "1000000"),
            ("VIBETEA_RATE_LIMIT_BURST", "1000000"),
            ("RUST_LOG", "info"),
        ],
    )
}

/// The headers of a signed batch.
pub(super) fn signature(source: &str, body: &[u8]) -> Vec<String> {
    vec![format!("X-Source-ID: {source}"), format!("X-Signature: {}", sign_body(&key_of(source), body))]
}

/// A signed batch; `None` where no answer comes.
pub(super) fn post(server: SocketAddr, path: &str, source: &str, events: &[Value]) -> Option<Answer> {
    let body = serde_json::to_vec(events).expect("JSON");
    answers::post(server, path, &signature(source, &body), &body)
}

pub(super) fn id(number: u64) -> String {
    format!("evt_{number:020}")
}

/// A tool event, now.
pub(super) fn event(source: &str, number: u64) -> Value {
    json!({
        "id": id(number),
        "source": source,
        "timestamp": Clock::System.now(),
        "type": "tool",
        "payload": { "sessionId": format!("s-{}", number / 50), "tool": "Read", "status": "started", "project": "shop" },
    })
}

pub(super) fn events(source: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<Value> {
    numbers.into_iter().map(|number| event(source, number)).collect()
}

/// Sends batch after batch until it is told to stop, each until it is acknowledged; answers what was.
pub(super) fn send_until(server: SocketAddr, sender: usize, is_over: impl Fn() -> bool) -> BTreeSet<String> {
    let source = SOURCES[sender % SOURCES.len()];
    let path = ["/ingest", "/events"][sender % 2];
    let mut next = sender as u64 * 10_000_000;
    let mut acknowledged = BTreeSet::new();
    while !is_over() {
        // the last one again: what was stored counts once
        let numbers = next.saturating_sub(u64::from(!next.is_multiple_of(10_000_000)))..next + 20;
        let batch = events(source, numbers.clone());
        let answer = post(server, path, source, &batch);
        if answer.is_some_and(|answer| answer.status < 300) {
            acknowledged.extend(numbers.map(id));
            next += 20;
        } else {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    acknowledged
}

/// Sends a batch until it is taken, and answers how long that took.
pub(super) fn send(
    server: SocketAddr,
    path: &str,
    source: &str,
    batch: &[Value],
    deadline: Duration,
) -> Duration {
    let start = Instant::now();
    wait::until_so(deadline, "a batch is taken", || {
        post(server, path, source, batch).is_some_and(|answer| answer.status < 300)
    });
    start.elapsed()
}

/// Plants a bug in the function that stores.
pub(super) fn change_function(shell: &mut Shell, change: impl FnOnce(&str) -> String) {
    let text = shell.value("SELECT pg_get_functiondef('public.bulk_insert_events(jsonb)'::regprocedure)");
    let changed = change(&text);
    assert_ne!(changed, text, "the function is not written as it was");
    shell.execute(&changed);
}

/// What was acknowledged is stored, and what is kept of events agrees with them.
pub(super) fn judge(database: &Database, acknowledged: &BTreeSet<String>) -> Result<(), String> {
    let mut shell = database.shell();
    let found: BTreeSet<String> = shell.column("SELECT id FROM public.events").into_iter().collect();
    let lost: Vec<&String> = acknowledged.difference(&found).collect();
    if let Some(first) = lost.first() {
        return Err(format!("{} of {} are lost, as {first}", lost.len(), acknowledged.len()));
    }
    for (table, kept) in stored::KEPT {
        let counted = shell.value(&format!("SELECT coalesce(sum({kept}), 0) FROM vibetea.{table}"));
        if counted != found.len().to_string() {
            return Err(format!("{table} counts {counted} of {} events", found.len()));
        }
    }
    Ok(())
}
