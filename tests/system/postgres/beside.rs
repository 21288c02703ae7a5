//! Other sessions in the database: a long reader is in nobody's way, and one that locks the events is waited for.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vibetea_testkit::{Cluster, Database, Proxy, Shell};
use vibetea_tests::answers::Answer;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, events, id, judge, post, send};
use super::replicas::{ids_up_to, same, stream};
use crate::crash::is_soak;

const DEADLINE: Duration = Duration::from_mins(1);
const SENDERS: u64 = 3;
const BATCH: u64 = 20;
const QUESTIONS: [&str; 3] = ["/query?days=7", "/api/v1/events?limit=500", "/api/v1/sessions"];

/// Whether a session of the server waits for something that this session holds.
fn is_waited_for(database: &Database, session: &str) -> bool {
    let waiting = format!(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'vibetea' AND {session} = ANY (pg_blocking_pids(pid))"
    );
    !database.shell().column(&waiting).is_empty()
}

fn session(shell: &mut Shell) -> String {
    shell.value("SELECT pg_backend_pid()")
}

/// Sends so many batches; the ids of those that were taken at once.
fn send_batches(replica: &Replica, sender: u64, batches: u64) -> BTreeSet<String> {
    let source = SOURCES[usize::try_from(sender).unwrap()];
    let mut taken = BTreeSet::new();
    for batch in 0..batches {
        let first = sender * 100_000 + batch * BATCH;
        let answer = post(replica.address(), "/events", source, &events(source, first..first + BATCH));
        if answer.is_some_and(|answer| answer.status < 300) {
            taken.extend((first..first + BATCH).map(id));
        }
    }
    taken
}

/// Whether writers and other readers go on beside a transaction that reads the events piece by piece, and it reads them as
/// they were when it began; `also` is what it does besides. A viewer that reads nothing meanwhile gets it all afterwards.
async fn beside_a_long_reader(database: &Database, also: &str) -> Result<(), String> {
    let replica = Replica::start(&database.url());
    let mut viewer = replica.viewer("").await;
    let batches = if is_soak() { 400 } else { 25 };
    let mut acknowledged = send_batches(&replica, SENDERS, batches);
    let mut reader = database.shell();
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    reader.execute("DECLARE walk CURSOR FOR SELECT id FROM public.events ORDER BY seq");
    let mut read = reader.column("FETCH 7 FROM walk");
    reader.execute(also);
    let session = session(&mut reader);
    let is_over = AtomicBool::new(false);
    let taken = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let replica = &replica;
                scope.spawn(move || send_batches(replica, sender, batches))
            })
            .collect();
        let asker = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for path in QUESTIONS {
                    let answer = replica.view(path);
                    assert!(answer.status == 200 || is_over.load(Ordering::Relaxed), "{path}: {answer:?}");
                }
            }
        });
        let mut outcome = Ok(());
        while outcome.is_ok() && senders.iter().any(|sender| !sender.is_finished()) {
            read.extend(reader.column("FETCH 7 FROM walk"));
            if is_waited_for(database, &session) {
                outcome = Err("the server waits for a reader".to_owned());
            }
        }
        is_over.store(true, Ordering::Relaxed);
        read.extend(reader.column("FETCH ALL FROM walk"));
        reader.execute("COMMIT");
        let taken: BTreeSet<String> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        asker.join().unwrap();
        outcome.map(|()| taken)
    })?;
    let before: Vec<String> = acknowledged.iter().cloned().collect();
    same(&read, &before)?;
    if taken.len() as u64 != SENDERS * batches * BATCH {
        return Err(format!("{} events are taken", taken.len()));
    }
    acknowledged.extend(taken);
    judge(database, &acknowledged)?;
    let expected = stream(&mut database.shell());
    same(&ids_up_to(&mut viewer, expected.last().unwrap()).await, &expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_its_time_is_in_nobodys_way() {
    let Some(cluster) = Cluster::shared() else { return };
    beside_a_long_reader(&cluster.database(), "").await.unwrap();
}

/// Planted bugs: a reader that keeps writers away, and one that keeps all away from the counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_locks_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    for table in ["public.events IN SHARE", "vibetea.hourly IN ACCESS EXCLUSIVE"] {
        let told = beside_a_long_reader(&cluster.database(), &format!("LOCK TABLE {table} MODE")).await;
        assert_eq!(told.unwrap_err(), "the server waits for a reader", "{table}");
    }
}

/// Somebody locks the events for a moment, or longer than the server waits. What does who sends then hear, and what is stored?
fn locked_out(database: &Database, url: &str, for_long: bool) -> Result<(), String> {
    let replica = Replica::start(url);
    replica.take("/events", SOURCES[0], &events(SOURCES[0], 0..10));
    let mut other = database.shell();
    other.execute("BEGIN; LOCK TABLE public.events IN ACCESS EXCLUSIVE MODE");
    let (session, address) = (session(&mut other), replica.address());
    let sender =
        std::thread::spawn(move || post(address, "/events", SOURCES[0], &events(SOURCES[0], 10..20)));
    wait::until_so(DEADLINE, "the server waits", || is_waited_for(database, &session));
    let livez = replica.view("/livez");
    if livez.status != 200 {
        return Err(format!("{livez:?}"));
    }
    let mut acknowledged: BTreeSet<String> = (0..10).map(id).collect();
    if for_long {
        is_told(&sender.join().unwrap().ok_or("no answer")?)?;
        is_told(&replica.view("/api/v1/events"))?;
        other.execute("COMMIT");
    } else {
        other.execute("COMMIT");
        let answer = sender.join().unwrap().ok_or("no answer")?;
        if answer.status >= 300 {
            return Err(format!("{answer:?}"));
        }
        acknowledged.extend((10..20).map(id));
    }
    send(replica.address(), "/events", SOURCES[0], &events(SOURCES[0], 20..30), DEADLINE);
    acknowledged.extend((20..30).map(id));
    wait::until_so(DEADLINE, "questions are answered", || replica.view("/api/v1/events").status == 200);
    judge(database, &acknowledged)
}

/// Whether that is an answer that says when to come again.
fn is_told(answer: &Answer) -> Result<(), String> {
    let is_later = answer.head.to_ascii_lowercase().contains("\r\nretry-after: ");
    if answer.status == 503 && is_later { Ok(()) } else { Err(format!("{answer:?}")) }
}

#[test]
fn who_locks_the_events_is_waited_for_or_told_of_and_outlived() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    locked_out(&database, &database.url(), false).unwrap();
    // longer than a statement may wait takes its time; the tests of the store have less patience
    if is_soak() {
        let database = cluster.database();
        locked_out(&database, &database.url(), true).unwrap();
    }
}

/// Planted bug: what waited is acknowledged and not stored.
#[test]
fn a_batch_that_waited_in_vain_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    Replica::start(&database.url()).stop();
    proxy.forge_commits();
    let told = locked_out(&database, &database.url_at(proxy.address()), false).unwrap_err();
    assert!(told.contains("are lost"), "{told}");
}
