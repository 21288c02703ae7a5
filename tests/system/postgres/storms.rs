//! Kills of the database and of the server while many send: what was acknowledged is stored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vibetea_testkit::{Cluster, Database};
use vibetea_tests::dice::Dice;

use super::replica::{Replica, SOURCES, change_function, events, judge, send, send_until};
use crate::crash::is_soak;

const SENDERS: usize = 4;
/// How soon batches are taken again after a restart of the database; and after one of the server, start included.
const RECOVERY: Duration = Duration::from_secs(30);

/// Sends while something happens so many times, and answers what comes of it.
fn storm(
    replica: &mut Replica,
    database: &Database,
    times: u64,
    happen: impl Fn(&mut Replica),
) -> Result<(), String> {
    let mut dice = Dice::new();
    let is_over = AtomicBool::new(false);
    let address = replica.address();
    let acknowledged = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let is_over = || is_over.load(Ordering::Relaxed);
                scope.spawn(move || send_until(address, sender, is_over))
            })
            .collect();
        for time in 0..times {
            std::thread::sleep(Duration::from_millis(200 + dice.below(800)));
            happen(replica);
            let probe = events(SOURCES[4], 900_000_000 + time..900_000_001 + time);
            let took = send(address, "/ingest", SOURCES[4], &probe, Duration::from_mins(1));
            assert!(took < RECOVERY, "batches are taken again after {took:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender ends")).collect()
    });
    judge(database, &acknowledged)
}

fn times(short: u64, long: u64) -> u64 {
    if is_soak() { long } else { short }
}

#[test]
fn restarts_of_the_database_under_load_lose_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::own() else { return };
    let database = cluster.database();
    let mut replica = Replica::start(&database.url());
    storm(&mut replica, &database, times(3, 20), |_| cluster.restart_at_once()).unwrap();
    storm(&mut replica, &database, times(1, 10), |_| {
        cluster.kill();
        cluster.start();
    })
    .unwrap();
    replica.stop();
}

/// Has events answered before the log is on the disk; on a cluster of one's own.
pub(super) fn answer_before_writing(database: &Database) {
    let mut shell = database.shell();
    for setting in ["wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'"] {
        shell.execute(&format!("ALTER SYSTEM SET {setting}"));
    }
    shell.execute("SELECT pg_reload_conf()");
    change_function(&mut shell, |text| {
        text.replacen("\nBEGIN\n", "\nBEGIN\nPERFORM set_config('synchronous_commit', 'off', true);\n", 1)
    });
}

/// Planted bug: a commit is answered before it is on disk.
#[test]
fn a_database_that_answers_before_it_has_written_is_seen_by_the_check() {
    let Some(cluster) = Cluster::own() else { return };
    let database = cluster.database();
    let mut replica = Replica::start(&database.url());
    answer_before_writing(&database);
    let told = storm(&mut replica, &database, 2, |_| cluster.restart_at_once()).unwrap_err();
    assert!(told.contains("are lost"), "{told}");
}

#[test]
fn kills_of_the_server_lose_nothing_that_was_acknowledged() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut replica = Replica::start(&database.url());
    storm(&mut replica, &database, times(8, 200), |replica| {
        replica.kill();
        replica.start_again();
    })
    .unwrap();
    replica.stop();
}
