//! Clients that leave at any byte: no session of the database is left in the middle of anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use vibetea_testkit::{Cluster, Database};
use vibetea_tests::dice::Dice;
use vibetea_tests::place::TOKEN;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, events, signature};
use crate::crash::is_soak;

const SETTLE: Duration = Duration::from_secs(20);

/// States of the servers' sessions.
fn sessions(database: &Database) -> Vec<String> {
    database.shell().column(
        "SELECT coalesce(state, '') FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'vibetea' ORDER BY 1",
    )
}

/// No more sessions than before, none of them in the middle of a transaction.
fn is_tidy(database: &Database, baseline: usize) -> Result<(), String> {
    let sessions = sessions(database);
    if sessions.len() > baseline || sessions.iter().any(|state| state.contains("in transaction")) {
        return Err(format!("{sessions:?}, and {baseline} before"));
    }
    Ok(())
}

#[test]
fn clients_that_leave_at_any_byte_leave_no_transaction_open() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replica = Replica::start(&database.url());
    let mut dice = Dice::new();
    let history = format!("/query?days=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    // as many readers as there may ever be
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| replica.view("/query?days=30"));
        }
    });
    let baseline = sessions(&database).len().max(8);
    for round in 0..if is_soak() { 5000 } else { 300 } {
        let request = if round % 4 == 0 {
            format!("GET {history}").into_bytes()
        } else {
            let body = serde_json::to_vec(&events(SOURCES[0], round * 10..round * 10 + 10)).unwrap();
            let path = ["/ingest", "/events"][usize::from(round % 2 == 0)];
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\n{}\r\nContent-Length: {}\r\n\r\n",
                signature(SOURCES[0], &body).join("\r\n"),
                body.len()
            );
            [head.into_bytes(), body].concat()
        };
        let mut stream = TcpStream::connect(replica.address()).unwrap();
        // half of them leave after all is sent, while the server is at work
        let bytes = if dice.once_in(2) {
            request.len()
        } else {
            usize::try_from(dice.below(request.len() as u64)).unwrap()
        };
        stream.write_all(&request[..bytes]).unwrap();
        if dice.once_in(3) {
            stream.set_read_timeout(Some(Duration::from_millis(1 + dice.below(5)))).unwrap();
            let _ = stream.read(&mut [0; 16]);
        }
    }
    wait::until_so(SETTLE, "the sessions are at rest", || is_tidy(&database, baseline).is_ok());
    for number in 0..20 {
        replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 900_000 + number..900_010 + number));
        assert_eq!(replica.view("/query?days=7").status, 200);
    }
    let log = cluster.log();
    let aborted = log
        .lines()
        .filter(|line| line.contains(database.name()) && line.contains("current transaction is aborted"));
    assert_eq!(aborted.count(), 0);
    assert!(!replica.log().contains("25P02"));
    replica.stop();
    wait::until_so(SETTLE, "a server that stops leaves no session", || sessions(&database).is_empty());
}

/// Planted bug: a session that was given back in the middle of a transaction.
#[test]
fn a_session_that_was_left_in_a_transaction_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let _replica = Replica::start(&database.url());
    let baseline = sessions(&database).len();
    wait::until_so(SETTLE, "the sessions are at rest", || is_tidy(&database, baseline).is_ok());
    let mut poisoned = database.owners_shell();
    poisoned.execute("BEGIN");
    is_tidy(&database, baseline + 1).unwrap_err();
    poisoned.execute("ROLLBACK");
    is_tidy(&database, baseline + 1).unwrap();
    is_tidy(&database, baseline).unwrap_err();
}
