//! The same batch again and again, through several servers at once.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vibetea_testkit::{Cluster, Database};

use super::replica::{Replica, SOURCES, change_function, event, events, id, judge, post};
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

const WAITING: Duration = Duration::from_millis(150);

/// Sends these batches one after the other while another writer holds the stream, so that all but the first are stored
/// together; how many events were new to each answer.
fn stored_together(database: &Database, batches: &[Range<u64>]) -> Vec<u64> {
    let replica = Replica::start(&database.url());
    let mut holder = database.shell();
    holder.execute("BEGIN; UPDATE vibetea.stream SET newest = newest");
    thread::scope(|scope| {
        let senders: Vec<_> = (0..)
            .zip(batches)
            .map(|(number, batch)| {
                let (address, source) = (replica.address(), SOURCES[number % SOURCES.len()]);
                let sender =
                    scope.spawn(move || post(address, "/ingest", source, &events(source, batch.clone())));
                thread::sleep(WAITING);
                sender
            })
            .collect();
        holder.execute("COMMIT");
        let inserted = senders.into_iter().map(|sender| {
            let answer = sender.join().unwrap().expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["inserted"].as_u64().unwrap()
        });
        inserted.collect()
    })
}

/// The first batch goes alone. Of the others some repeat it, some each other, some bring nothing, and some are all new.
const TOGETHER: [Range<u64>; 6] = [0..10, 5..15, 20..40, 30..41, 0..3, 50..60];
const NEW: [u64; 6] = [10, 5, 20, 1, 0, 10];

#[test]
fn batches_that_are_stored_together_have_answers_of_their_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    assert_eq!(stored_together(&database, &TOGETHER), NEW);
    let stored = (0..15).chain(20..41).chain(50..60).map(id).collect();
    judge(&database, &stored).unwrap();
}

/// Planted bug: places run against the order of the batches.
#[test]
fn places_of_another_order_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    Replica::start(&database.url()).stop();
    change_function(&mut database.shell(), |text| {
        text.replace("before + ordinality", "before + jsonb_array_length(events_json) + 1 - ordinality")
    });
    assert_ne!(stored_together(&database, &TOGETHER), NEW);
}

/// What a transaction stored is counted from memory, unless somebody else stored something before it.
#[test]
fn events_of_others_between_those_of_a_server_are_counted_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replica = Replica::start(&database.url());
    let mut other = database.shell();
    let mut stored = 0;
    for round in 0..12_u64 {
        let number = round * 100;
        if round % 3 == 1 {
            let batch = json!(events(SOURCES[1], number..number + 7));
            other.execute(&format!("SELECT public.bulk_insert_events('{batch}')"));
            stored += 7;
        }
        replica.take("/ingest", SOURCES[0], &events(SOURCES[0], number + 20..number + 25));
        // once more, and then some of it with more
        replica.take("/ingest", SOURCES[0], &events(SOURCES[0], number + 20..number + 25));
        replica.take("/events", SOURCES[0], &events(SOURCES[0], number + 22..number + 28));
        stored += 8;
        let expected = other.column("SELECT id FROM public.events").into_iter().collect();
        judge(&database, &expected).unwrap();
        assert_eq!(expected.len(), stored);
    }
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
