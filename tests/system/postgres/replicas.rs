//! Several servers on one database: what one takes, the viewers of all see, in the order of commits, once.

use std::time::Duration;

use vibetea_testkit::{Cluster, Database, Proxy, Shell};
use vibetea_tests::socket::Viewer;

use super::replica::{Replica, SOURCES, change_function, event, events, id, send};

const DEADLINE: Duration = Duration::from_secs(30);

/// Ids of frames up to this one.
async fn ids_up_to(viewer: &mut Viewer, last: &str) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.last().is_none_or(|id: &String| id != last) {
        let frame = viewer.next(DEADLINE).await;
        ids.push(frame["id"].as_str().unwrap_or("a frame without an id").to_owned());
    }
    ids
}

/// Ids of the live stream in its order, read past the servers.
fn stream(shell: &mut Shell) -> Vec<String> {
    shell.column("SELECT id FROM public.events WHERE live IS NOT NULL ORDER BY live")
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_of_all_see_the_same_order_whoever_takes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replicas = [0; 3].map(|_| Replica::start(&database.url()));
    let mut viewers = Vec::new();
    for replica in &replicas {
        viewers.push(replica.viewer("").await);
    }
    std::thread::scope(|scope| {
        for (sender, replica) in replicas.iter().cycle().take(6).enumerate() {
            scope.spawn(move || {
                let source = SOURCES[sender % SOURCES.len()];
                for batch in 0..25 {
                    let first = sender as u64 * 1000 + batch * 4;
                    replica.take("/events", source, &events(source, first..first + 4));
                }
            });
        }
    });
    let expected = stream(&mut database.shell());
    assert_eq!(expected.len(), 600);
    let last = expected.last().unwrap();
    for viewer in &mut viewers {
        assert_eq!(ids_up_to(viewer, last).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_goes_on_at_another_server_where_it_left_the_first() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let mut viewer = one.viewer("").await;
    let mut seen = Vec::new();
    for round in 0..10_u64 {
        let (near, far) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        near.take("/events", SOURCES[0], &events(SOURCES[0], round * 10..round * 10 + 5));
        seen.extend(ids_up_to(&mut viewer, &id(round * 10 + 4)).await);
        drop(viewer);
        near.take("/events", SOURCES[0], &events(SOURCES[0], round * 10 + 5..round * 10 + 10));
        viewer = far.viewer(&format!("&last_event_id={}", id(round * 10 + 4))).await;
        seen.extend(ids_up_to(&mut viewer, &id(round * 10 + 9)).await);
    }
    assert_eq!(seen, (0..100).map(id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_connection_that_is_cut_again_and_again_makes_no_gap() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let one = Replica::start(&database.url());
    let other = Replica::start(&database.url_at(proxy.address()));
    let mut viewer = other.viewer("").await;
    let mut cut = 0;
    for number in 0..200 {
        one.take("/events", SOURCES[0], &[event(SOURCES[0], number)]);
        if number % 10 == 0 {
            cut += proxy.cut_listeners();
        }
    }
    assert!(cut > 0, "no connection listens");
    assert_eq!(ids_up_to(&mut viewer, &id(199)).await, (0..200).map(id).collect::<Vec<_>>());
}

/// How a viewer sees two writers of which the first to begin is the last to commit: all of it, in order?
async fn late_commit(database: &Database, held_for: Duration) -> Result<(), String> {
    let replica = Replica::start(&database.url());
    let mut viewer = replica.viewer("").await;
    replica.take("/events", SOURCES[0], &[event(SOURCES[0], 0)]);
    let mut slow = database.shell();
    slow.execute("BEGIN");
    let mut late = event(SOURCES[1], 100);
    late["live"] = true.into();
    slow.execute(&format!("SELECT public.bulk_insert_events('[{late}]')"));
    let address = replica.address();
    let batch = events(SOURCES[0], 1..4);
    let quick = std::thread::spawn(move || send(address, "/events", SOURCES[0], &batch, DEADLINE));
    tokio::time::sleep(held_for).await;
    slow.execute("COMMIT");
    quick.join().expect("the sender ends");
    replica.take("/events", SOURCES[0], &[event(SOURCES[0], 9)]);
    let seen = ids_up_to(&mut viewer, &id(9)).await;
    let expected = stream(&mut database.shell());
    if seen == expected { Ok(()) } else { Err(format!("{seen:?} instead of {expected:?}")) }
}

fn hold() -> Duration {
    Duration::from_secs(if crate::crash::is_soak() { 5 } else { 1 })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_skips_what_commits_late() {
    let Some(cluster) = Cluster::shared() else { return };
    late_commit(&cluster.database(), hold()).await.unwrap();
}

/// Planted bug: places are given out by a sequence, which is not the order of commits.
#[tokio::test(flavor = "multi_thread")]
async fn places_from_a_sequence_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    Replica::start(&database.url()).stop();
    let mut shell = database.shell();
    shell.execute("CREATE SEQUENCE vibetea.planted; GRANT ALL ON SEQUENCE vibetea.planted TO vibetea");
    change_function(&mut shell, |text| {
        let begin = text.find("UPDATE vibetea.stream SET newest").expect("the writer's lock");
        let end = begin + text[begin..].find(';').expect("the end of the statement");
        format!("{}before := nextval('vibetea.planted') * 1000{}", &text[..begin], &text[end..])
    });
    let told = late_commit(&database, hold()).await.unwrap_err();
    assert!(told.contains(&id(100)), "{told}");
}
