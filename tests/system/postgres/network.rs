//! A network that fails between the server and its database: the server says so, and goes on when it is over.

use std::collections::BTreeSet;
use std::time::Duration;

use vibetea_testkit::{Cluster, Database, Fault, Proxy};
use vibetea_tests::dice::Dice;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, events, id, judge, post, send};
use crate::crash::is_soak;

/// How long the server may need once all is well again.
const RECOVERY: Duration = Duration::from_mins(1);

struct Rig {
    database: Database,
    proxy: Proxy,
    replica: Replica,
    acknowledged: BTreeSet<String>,
    next: u64,
}

impl Rig {
    fn new(cluster: &Cluster) -> Self {
        let database = cluster.database();
        let proxy = Proxy::start(cluster.address());
        let replica = Replica::start(&database.url_at(proxy.address()));
        Self { database, proxy, replica, acknowledged: BTreeSet::new(), next: 0 }
    }

    /// Sends a batch once; what is answered counts.
    fn try_batch(&mut self) -> Option<u16> {
        let numbers = self.next..self.next + 5;
        let path = ["/ingest", "/events"][usize::from(self.next.is_multiple_of(2))];
        self.next += 5;
        let status =
            post(self.replica.address(), path, SOURCES[0], &events(SOURCES[0], numbers.clone()))?.status;
        if status < 300 {
            self.acknowledged.extend(numbers.map(id));
        }
        Some(status)
    }

    /// All is well: a batch is taken, nothing is lost, and the sessions are as many as they should be.
    fn recover(&mut self) {
        self.proxy.set(Fault::None);
        let batch = events(SOURCES[0], self.next..self.next + 5);
        self.acknowledged.extend((self.next..self.next + 5).map(id));
        self.next += 5;
        send(self.replica.address(), "/events", SOURCES[0], &batch, RECOVERY);
        wait::until_so(RECOVERY, "the server is ready", || self.replica.status("/readyz") == Some(200));
        assert_eq!(self.replica.view("/query?days=7").status, 200);
        judge(&self.database, &self.acknowledged).unwrap();
    }
}

#[test]
fn a_network_that_swallows_everything_is_told_and_outlived() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    assert_eq!(rig.try_batch().map(|status| status / 100), Some(2));
    let rounds = if is_soak() { 3 } else { 1 };
    for _ in 0..rounds {
        rig.proxy.set(Fault::Blackhole);
        let hole = std::time::Instant::now();
        let lasts = Duration::from_secs(if is_soak() { 60 } else { 4 });
        wait::until_so(RECOVERY, "the loss of the database is told", || {
            rig.replica.status("/readyz") == Some(503)
        });
        assert_eq!(rig.replica.status("/livez"), Some(200), "the server lives");
        assert_eq!(rig.try_batch(), Some(503));
        while hole.elapsed() < lasts {
            assert_ne!(rig.try_batch(), Some(200));
        }
        rig.recover();
    }
    rig.replica.stop();
}

#[test]
fn a_database_that_refuses_is_told_and_outlived() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    rig.try_batch();
    rig.proxy.set(Fault::Refuse);
    rig.proxy.cut();
    wait::until_so(RECOVERY, "the loss of the database is told", || {
        rig.replica.status("/readyz") == Some(503)
    });
    assert_eq!(rig.try_batch(), Some(503));
    assert_eq!(rig.replica.view("/query?days=7").status, 503);
    rig.recover();
}

/// A batch whose answer was cut is stored or not; sent again it is stored once.
#[test]
fn connections_that_are_cut_at_any_byte_lose_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
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
            rig.recover();
        }
    }
    rig.recover();
}

#[test]
fn a_slow_network_is_only_slow() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut rig = Rig::new(cluster);
    rig.proxy.set(Fault::Delay(Duration::from_millis(40)));
    for _ in 0..5 {
        assert!(rig.try_batch().is_some_and(|status| status < 300));
    }
    rig.recover();
}
