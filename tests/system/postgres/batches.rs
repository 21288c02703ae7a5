//! The same batch again and again, through several servers at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_testkit::{Cluster, Database};
use vibetea_tests::wait;

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

type Batch = (&'static str, Vec<Value>);

/// Sends the first batch while another writer holds the stream, and the others once it waits, so that these are stored
/// together; how many events were new to each answer.
fn stored_together(database: &Database, batches: &[Batch]) -> Vec<u64> {
    let replica = Replica::start(&database.url());
    let address = replica.address();
    let mut holder = database.shell();
    holder.execute("BEGIN; UPDATE vibetea.stream SET newest = newest");
    thread::scope(|scope| {
        let send = |(source, events): &'_ Batch| {
            let (source, events) = (*source, events.clone());
            scope.spawn(move || post(address, "/ingest", source, &events))
        };
        let mut senders = vec![send(&batches[0])];
        let waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND pid IN (
            SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
        wait::until_so(DEADLINE, "the writer waits", || !database.shell().column(waiting).is_empty());
        senders.extend(batches[1..].iter().map(send));
        thread::sleep(ON_THEIR_WAY);
        holder.execute("COMMIT");
        let inserted = senders.into_iter().map(|sender| {
            let answer = sender.join().unwrap().expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["inserted"].as_u64().unwrap()
        });
        inserted.collect()
    })
}

const DEADLINE: Duration = Duration::from_secs(20);
/// Until requests have come to the writer's queue; later ones would be stored apart, with the same answers.
const ON_THEIR_WAY: Duration = Duration::from_millis(1500);

/// Whatever their order, of the batches behind the first each repeats some of it and brings some that no other has.
fn overlapping() -> (Vec<Batch>, Vec<u64>) {
    let new = [40, 5, 20, 1, 0, 10];
    let batches = (0..).zip(new).map(|(number, new)| {
        let own = number * 100..number * 100 + new;
        (SOURCES[0], events(SOURCES[0], own.chain(number..number + 7)))
    });
    (batches.collect(), new.to_vec())
}

#[test]
fn batches_that_are_stored_together_have_answers_of_their_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (batches, new) = overlapping();
    assert_eq!(stored_together(&database, &batches), new);
    let stored =
        batches.iter().flat_map(|(_, events)| events).map(|event| event["id"].as_str().unwrap().to_owned());
    judge(&database, &stored.collect()).unwrap();
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
    let (batches, new) = overlapping();
    assert_ne!(stored_together(&database, &batches), new);
}

/// Of an id that is given twice the stored event is counted, which is the second where the first is forgotten already.
#[test]
fn what_is_counted_of_a_repeated_id_is_what_is_stored() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    Replica::start(&database.url()).stop();
    let mut shell = database.shell();
    shell.execute("UPDATE vibetea.forgotten SET through = vibetea.micros(now() - interval '1 day')");
    let of = |source: &str, session: &str, timestamp: Timestamp| {
        let mut event = event(source, 1);
        event["timestamp"] = json!(timestamp);
        event["payload"]["sessionId"] = json!(session);
        event
    };
    let now = Clock::System.now();
    let long_ago = Timestamp::from_micros(now.as_micros() - 3 * MICROS_PER_DAY).unwrap();
    let fresh = event(SOURCES[1], 60);
    let batches = [
        (SOURCES[0], events(SOURCES[0], 50..51)),
        (SOURCES[1], vec![of(SOURCES[1], "old", long_ago), fresh.clone()]),
        (SOURCES[2], vec![of(SOURCES[2], "other", long_ago), of(SOURCES[2], "new", now)]),
    ];
    assert_eq!(stored_together(&database, &batches), [1, 1, 1]);
    judge(&database, &[id(1), id(50), id(60)].into()).unwrap();
    let transactions = "SELECT DISTINCT xmin::text FROM public.events WHERE source <> ";
    assert_eq!(
        shell.column(&format!("{transactions} '{}'", SOURCES[0])).len(),
        1,
        "they were stored together"
    );
    let sessions = "SELECT session.name || ' of ' || source.name FROM vibetea.session
        JOIN vibetea.source ON source.id = session.source ORDER BY 1";
    let fresh = fresh["payload"]["sessionId"].as_str().unwrap();
    let mut expected = [
        format!("new of {}", SOURCES[2]),
        format!("s-1 of {}", SOURCES[0]),
        format!("{fresh} of {}", SOURCES[1]),
    ];
    expected.sort();
    assert_eq!(shell.column(sessions), expected);
    let by_hour = "SELECT sum(q0 + q1 + q2 + q3) FROM vibetea.hourly WHERE hour < vibetea.micros(now()) / 3600000000 - 24";
    assert_eq!(shell.column(by_hour), [""]);
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
