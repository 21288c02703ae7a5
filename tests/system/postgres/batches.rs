//! The same batch again and again, through several servers at once.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use vibetea_testkit::Cluster;

use super::replica::{Replica, SOURCES, event, events, id, judge, post};
use crate::crash::is_soak;

#[test]
fn a_batch_that_is_sent_a_thousand_times_at_once_is_stored_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replicas = [0; 2].map(|_| Replica::start(&database.url()));
    let batch = events(SOURCES[0], 0..50);
    let rounds = if is_soak() { 63 } else { 20 };
    let inserted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for sender in 0..16 {
            let (batch, inserted, replica) = (&batch, &inserted, &replicas[sender % 2]);
            scope.spawn(move || {
                for _ in 0..rounds {
                    let answer = post(replica.address(), "/ingest", SOURCES[0], batch).unwrap();
                    assert_eq!(answer.status, 200, "{answer:?}");
                    inserted.fetch_add(answer.json()["inserted"].as_u64().unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(inserted.into_inner(), 50, "each event is new to one of the answers");
    judge(&database, &(0..50).map(id).collect()).unwrap();
    for replica in &replicas {
        let answer = replica.view("/query?days=7").json();
        let counts =
            answer["aggregates"].as_array().unwrap().iter().map(|row| row["eventCount"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), 50);
    }
}

/// Planted bug: a repeat that is counted.
#[test]
fn a_repeat_that_counts_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replica = Replica::start(&database.url());
    replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..50));
    judge(&database, &(0..50).map(id).collect()).unwrap();
    for table in ["hourly SET q0 = q0 + 1", "tally SET count = count + 1", "daily SET events = events + 1"] {
        database.shell().execute(&format!("BEGIN; UPDATE vibetea.{table}; COMMIT"));
        judge(&database, &(0..50).map(id).collect()).unwrap_err();
        database.shell().execute(&format!("UPDATE vibetea.{}", table.replace('+', "-")));
    }
    judge(&database, &(0..51).map(id).collect()).unwrap_err();
}

#[test]
fn of_two_payloads_with_one_id_the_first_stays_whoever_takes_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replicas = [0; 2].map(|_| Replica::start(&database.url()));
    let of = |payload: Value| {
        let mut event = event(SOURCES[0], 1);
        event["payload"] = payload;
        event
    };
    replicas[0].take("/ingest", SOURCES[0], &[of(json!({ "n": 1 }))]);
    for (number, replica) in replicas.iter().enumerate() {
        let answer =
            post(replica.address(), "/ingest", SOURCES[0], &[of(json!({ "n": number + 2 }))]).unwrap();
        assert_eq!((answer.status, answer.json()["inserted"].as_u64()), (200, Some(0)));
    }
    assert_eq!(database.shell().column("SELECT payload->>'n' FROM public.events"), ["1"]);
}
