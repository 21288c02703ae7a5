//! A network that fails between the server and its database: the server says so, and goes on when it is over.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use vibetea_testkit::{Cluster, Database, Fault, Proxy};
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::dice::Dice;
use vibetea_tests::place::TOKEN;
use vibetea_tests::wait;

use super::front;
use super::replica::{Replica, SOURCES, change_function, events, id, judge, post, send};
use crate::crash::is_soak;

/// How long the server may need once all is well again.
const RECOVERY: Duration = Duration::from_mins(1);

/// A batch is answered at once, wherever it is then.
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}";

struct Rig {
    database: Database,
    proxy: Proxy,
    replica: Replica,
    /// Where the server is asked.
    at: SocketAddr,
    acknowledged: BTreeSet<String>,
    next: u64,
}

impl Rig {
    fn new(cluster: &Cluster) -> Self {
        let database = cluster.database();
        let proxy = Proxy::start(cluster.address());
        let replica = Replica::start(&database.url_at(proxy.address()));
        let at = replica.address();
        Self { database, proxy, replica, at, acknowledged: BTreeSet::new(), next: 0 }
    }

    /// Sends a batch once; what is answered counts.
    fn try_batch(&mut self) -> Option<u16> {
        let numbers = self.next..self.next + 5;
        let path = ["/ingest", "/events"][usize::from(self.next.is_multiple_of(2))];
        self.next += 5;
        let status = post(self.at, path, SOURCES[0], &events(SOURCES[0], numbers.clone()))?.status;
        if status < 300 {
            self.acknowledged.extend(numbers.map(id));
        }
        Some(status)
    }

    fn status(&self, path: &str) -> Option<u16> {
        answers::get(self.at, path, &bearer(TOKEN)).map(|answer| answer.status)
    }

    fn wait_until_told(&self) {
        wait::until_so(RECOVERY, "the loss of the database is told", || self.status("/readyz") == Some(503));
    }

    /// All is well: a batch is taken, nothing is lost, and the server answers.
    fn recover(&mut self) -> Result<(), String> {
        self.proxy.set(Fault::None);
        let batch = events(SOURCES[0], self.next..self.next + 5);
        self.acknowledged.extend((self.next..self.next + 5).map(id));
        self.next += 5;
        send(self.at, "/events", SOURCES[0], &batch, RECOVERY);
        wait::until_so(RECOVERY, "the server is ready", || self.status("/readyz") == Some(200));
        answered("a question", self.status(QUESTION), 200)?;
        judge(&self.database, &self.acknowledged)
    }
}

const QUESTION: &str = "/query?days=7";

/// Whether that is the status of the answer to it.
fn answered(what: &str, status: Option<u16>, expected: u16) -> Result<(), String> {
    if status == Some(expected) { Ok(()) } else { Err(format!("{what} is answered with {status:?}")) }
}

fn taken(what: &str, status: Option<u16>) -> Result<(), String> {
    if matches!(status, Some(200..300)) { Ok(()) } else { Err(format!("{what} is answered with {status:?}")) }
}

/// What clients are told while a network swallows everything, and whether the server goes on behind it.
fn swallowed(rig: &mut Rig) -> Result<(), String> {
    taken("a first batch", rig.try_batch())?;
    for _ in 0..if is_soak() { 3 } else { 1 } {
        rig.proxy.set(Fault::Blackhole);
        let hole = Instant::now();
        let lasts = Duration::from_secs(if is_soak() { 60 } else { 4 });
        rig.wait_until_told();
        answered("whether it lives", rig.status("/livez"), 200)?;
        answered("a batch in the hole", rig.try_batch(), 503)?;
        while hole.elapsed() < lasts {
            let status = rig.try_batch();
            if taken("", status).is_ok() {
                return answered("a later batch in the hole", status, 503);
            }
        }
        rig.recover()?;
    }
    Ok(())
}

#[test]
fn a_network_that_swallows_everything_is_told_and_outlived() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    swallowed(&mut rig).unwrap();
    rig.replica.stop();
}

/// Planted bug: a batch is acknowledged when it waits to be stored.
#[test]
fn a_server_that_acknowledges_what_waits_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    let server = rig.at;
    rig.at = front::start(server, |line, ask| if line.starts_with("POST") { TAKEN.to_vec() } else { ask() });
    let told = swallowed(&mut rig).unwrap_err();
    assert_eq!(told, "a batch in the hole is answered with Some(200)");
}

/// What clients are told while the database refuses connections, and whether the server goes on behind it.
fn refused(rig: &mut Rig) -> Result<(), String> {
    taken("a first batch", rig.try_batch())?;
    answered("a first question", rig.status(QUESTION), 200)?;
    rig.proxy.set(Fault::Refuse);
    rig.proxy.cut();
    rig.wait_until_told();
    answered("a batch without a database", rig.try_batch(), 503)?;
    answered("a question without a database", rig.status(QUESTION), 503)?;
    rig.recover()
}

#[test]
fn a_database_that_refuses_is_told_and_outlived() {
    let Some(cluster) = Cluster::shared() else { return };
    refused(&mut Rig::new(cluster)).unwrap();
}

/// Planted bug: a question is answered as it was before.
#[test]
fn answers_of_before_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    let before = Mutex::new(Vec::new());
    rig.at = front::start(rig.at, move |line, ask| {
        let answer = ask();
        if !line.contains(QUESTION) {
            return answer;
        }
        let mut before = before.lock().unwrap();
        if before.is_empty() {
            *before = answer;
        }
        before.clone()
    });
    let told = refused(&mut rig).unwrap_err();
    assert_eq!(told, "a question without a database is answered with Some(200)");
}

/// A batch whose answer was cut is stored or not; sent again it is stored once. Was anything lost that was acknowledged?
fn cut_anywhere(rig: &mut Rig) -> Result<(), String> {
    let mut dice = Dice::new();
    for round in 0..if is_soak() { 1000 } else { 60 } {
        let bytes = usize::try_from(dice.below(4000)).unwrap();
        rig.proxy.set(match round % 3 {
            0 => Fault::CutAfterSending(bytes + 1),
            1 => Fault::CutAfterReceiving(bytes / 10 + 1),
            _ => Fault::CutAnswerTo("COMMIT"),
        });
        rig.try_batch();
        rig.next -= 5 * u64::from(dice.once_in(2));
        if round % 10 == 9 {
            rig.recover()?;
        }
    }
    rig.recover()
}

#[test]
fn connections_that_are_cut_at_any_byte_lose_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::shared() else { return };
    cut_anywhere(&mut Rig::new(cluster)).unwrap();
}

/// Planted bug: the answer to a commit is not the database's.
#[test]
fn a_commit_that_the_network_forges_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    rig.proxy.forge_commits();
    let told = cut_anywhere(&mut rig).unwrap_err();
    assert!(told.contains("are lost"), "{told}");
}

/// Is every batch taken at once, however long each step takes?
fn slowed(rig: &mut Rig) -> Result<(), String> {
    rig.proxy.set(Fault::Delay(Duration::from_millis(40)));
    for _ in 0..5 {
        taken("a batch", rig.try_batch())?;
    }
    rig.recover()
}

#[test]
fn a_slow_network_is_only_slow() {
    let Some(cluster) = Cluster::shared() else { return };
    slowed(&mut Rig::new(cluster)).unwrap();
}

/// Planted bug: a transaction has less time between two steps than the network takes.
#[test]
fn a_limit_that_is_shorter_than_the_network_is_slow_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    change_function(&mut rig.database.shell(), |text| {
        let limit = "PERFORM set_config('idle_in_transaction_session_timeout', '20ms', true);";
        text.replacen("\nBEGIN\n", &format!("\nBEGIN\n{limit}\n"), 1)
    });
    let told = slowed(&mut rig).unwrap_err();
    assert_eq!(told, "a batch is answered with Some(503)");
}
