//! Several servers on one database: what one takes, the viewers of all see, in the order of commits, once.

use std::ops::Range;
use std::time::Duration;

use vibetea_testkit::{Cluster, Database, Proxy, Shell};
use vibetea_tests::socket::Viewer;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, change_function, event, events, id, send};

const DEADLINE: Duration = Duration::from_secs(30);

/// Ids of frames up to this one.
pub(super) async fn ids_up_to(viewer: &mut Viewer, last: &str) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.last().is_none_or(|id: &String| id != last) {
        let frame = viewer.next(DEADLINE).await;
        ids.push(frame["id"].as_str().unwrap_or("a frame without an id").to_owned());
    }
    ids
}

/// Ids of the live stream in its order, read past the servers.
pub(super) fn stream(shell: &mut Shell) -> Vec<String> {
    shell.column("SELECT id FROM public.events WHERE live IS NOT NULL ORDER BY live")
}

/// Whether it is what it has to be.
pub(super) fn same(seen: &[String], expected: &[String]) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{seen:?} instead of {expected:?}")) }
}

/// Many send to three servers at once: do the viewers of all see the whole stream in its order?
async fn same_order_everywhere(database: &Database) -> Result<(), String> {
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
        same(&ids_up_to(viewer, last).await, &expected)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_of_all_see_the_same_order_whoever_takes() {
    let Some(cluster) = Cluster::shared() else { return };
    same_order_everywhere(&cluster.database()).await.unwrap();
}

/// Planted bug: servers that do not take turns, of which the one that has the first place commits when viewers have seen
/// forty later ones.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_take_turns_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    plant_a_sequence(
        &database,
        &format!(
            r#"IF events_json @> '[{{"id": "{}"}}]' THEN
                WHILE (SELECT count(*) FROM public.events WHERE seq > before + 1000) < 40 LOOP
                    PERFORM pg_sleep(0.002);
                END LOOP;
            END IF;"#,
            id(0)
        ),
    );
    let told = same_order_everywhere(&database).await.unwrap_err();
    let (seen, _) = told.split_once(" instead of ").unwrap();
    assert!(seen.matches("evt_").count() < 600, "{told}");
}

/// What a viewer sees that leaves a server for another one again and again: all, once and in order? What it has seen is
/// sent to the other server as well, as by a monitor that got no answer from the first.
async fn going_on_elsewhere(database: &Database) -> Result<(), String> {
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let mut viewer = one.viewer("").await;
    let mut seen = Vec::new();
    for round in 0..10_u64 {
        let (near, far) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let numbers =
            |range: Range<u64>| events(SOURCES[0], range.start + round * 10..range.end + round * 10);
        let (last_seen, last) = (id(round * 10 + 4), id(round * 10 + 9));
        near.take("/events", SOURCES[0], &numbers(0..5));
        seen.extend(ids_up_to(&mut viewer, &last_seen).await);
        drop(viewer);
        near.take("/events", SOURCES[0], &numbers(5..9));
        far.take("/events", SOURCES[0], &numbers(0..5));
        viewer = far.viewer(&format!("&last_event_id={last_seen}")).await;
        far.take("/events", SOURCES[0], &numbers(9..10));
        seen.extend(ids_up_to(&mut viewer, &last).await);
    }
    same(&seen, &(0..100).map(id).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_goes_on_at_another_server_where_it_left_the_first() {
    let Some(cluster) = Cluster::shared() else { return };
    going_on_elsewhere(&cluster.database()).await.unwrap();
}

/// Planted bug: an event that comes again gets a fresh place, and takes with it the place of the viewer that saw it.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_moves_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    Replica::start(&database.url()).stop();
    change_function(&mut database.shell(), |text| text.replace(" AND events.live IS NULL", ""));
    let told = going_on_elsewhere(&database).await.unwrap_err();
    let (seen, _) = told.split_once(" instead of ").unwrap();
    assert!(seen.contains(&id(4)) && !seen.contains(&id(5)) && seen.contains(&id(9)), "{told}");
}

/// The connection on which a server hears of another's events is cut again and again: does a viewer see all?
async fn cut_notifications(cluster: &Cluster, database: &Database) -> Result<(), String> {
    let proxy = Proxy::start(cluster.address());
    let one = Replica::start(&database.url());
    let other = Replica::start(&database.url_at(proxy.address()));
    wait::until_so(DEADLINE, "a connection listens", || proxy.listeners() == 1);
    let mut viewer = other.viewer("").await;
    let mut cut = 0;
    for number in 0..200 {
        one.take("/events", SOURCES[0], &[event(SOURCES[0], number)]);
        if number % 10 == 0 {
            cut += proxy.cut_listeners();
        }
    }
    assert!(cut > 0, "no connection listens");
    one.take("/events", SOURCES[0], &[event(SOURCES[0], LAST)]);
    let seen = ids_up_to(&mut viewer, &id(LAST)).await;
    same(&seen, &(0..200).chain([LAST]).map(id).collect::<Vec<_>>())
}

/// Behind all others.
const LAST: u64 = 999;

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_connection_that_is_cut_again_and_again_makes_no_gap() {
    let Some(cluster) = Cluster::shared() else { return };
    cut_notifications(cluster, &cluster.database()).await.unwrap();
}

/// Planted bug: an event is in the stream of those alone who listen while it is stored, as where the notification is what
/// is told and not a hint.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_only_listeners_hear_of_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    Replica::start(&database.url()).stop();
    let both_listen = "(SELECT count(*) = 2 FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN %')";
    change_function(&mut database.shell(), |text| {
        let is_told = format!("CASE WHEN live AND (id = '{}' OR {both_listen}) THEN place END", id(LAST));
        text.replace("CASE WHEN live THEN place END", &is_told)
    });
    let told = cut_notifications(cluster, &database).await.unwrap_err();
    let (seen, _) = told.split_once(" instead of ").unwrap();
    assert!(seen.matches("evt_").count() < 201 && seen.contains(&id(LAST)), "{told}");
}

/// Plants places that a sequence gives out, without a lock that is held until the commit; `then` is done as soon as they are given.
fn plant_a_sequence(database: &Database, then: &str) {
    Replica::start(&database.url()).stop();
    let mut shell = database.shell();
    shell.execute("CREATE SEQUENCE vibetea.planted; GRANT ALL ON SEQUENCE vibetea.planted TO vibetea");
    change_function(&mut shell, |text| {
        let begin = text.find("UPDATE vibetea.stream SET newest").expect("the writer's lock");
        let end = begin + text[begin..].find(';').expect("the end of the statement");
        let places = "before := nextval('vibetea.planted') * 1000;";
        format!("{}{places}{then}{}", &text[..begin], &text[end + 1..])
    });
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
    same(&ids_up_to(&mut viewer, &id(9)).await, &stream(&mut database.shell()))
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
    plant_a_sequence(&database, "");
    let told = late_commit(&database, hold()).await.unwrap_err();
    assert!(told.contains(&id(100)), "{told}");
}
