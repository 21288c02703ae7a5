//! The rig does what the tests that use it believe.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use vibetea_testkit::{Cluster, Fault, Proxy, Shell};

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn databases_are_apart_and_their_owner_is_an_ordinary_user() {
    let Some(cluster) = Cluster::shared() else { return };
    let (one, other) = (cluster.database(), cluster.database());
    let mut shell = one.shell();
    shell.execute("CREATE TABLE events (id text); INSERT INTO events VALUES ('a'), (NULL)");
    assert_eq!(shell.rows("SELECT id, 1 FROM events ORDER BY id"), [["a", "1"], ["", "1"]]);
    assert_eq!(other.shell().value("SELECT count(*) FROM pg_tables WHERE tablename = 'events'"), "0");
    let owner =
        "SELECT rolname, rolsuper FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = ";
    assert_eq!(shell.rows(&format!("{owner} '{}'", one.name())), [["vibetea", "f"]]);
    assert_eq!(shell.value("SHOW fsync"), "on");
    assert!(shell.try_execute("no statement").is_err());
    assert_eq!(shell.value("SELECT 1"), "1", "a refused statement does not end the connection");
}

#[tokio::test]
async fn a_shell_works_and_ends_within_a_runtime() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    assert_eq!(database.shell().value("SELECT 1"), "1");
}

#[test]
fn a_database_that_is_no_longer_needed_goes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", database.name());
    let mut administrator = cluster.administrator();
    assert_eq!(administrator.value(&count), "1");
    // dropped with somebody still connected
    let _shell = database.shell();
    drop(database);
    let start = Instant::now();
    while administrator.value(&count) != "0" {
        assert!(start.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_committed_survives_every_way_to_die() {
    let Some(cluster) = Cluster::own() else { return };
    let database = cluster.database();
    database.shell().execute("CREATE TABLE t (n int)");
    let mut left = Vec::new();
    let kill: fn(&Cluster) = |cluster| {
        cluster.kill();
        cluster.start();
    };
    for (number, way) in [Cluster::restart_at_once, kill].into_iter().enumerate() {
        let mut shell = database.shell();
        shell.execute(&format!("INSERT INTO t VALUES ({number})"));
        way(&cluster);
        assert!(shell.try_execute("SELECT 1").is_err(), "the session is gone");
        left.push(number.to_string());
        assert_eq!(database.shell().column("SELECT n FROM t ORDER BY n"), left);
    }
}

#[test]
fn a_frozen_cluster_answers_nothing_until_it_is_thawed() {
    let Some(cluster) = Cluster::own() else { return };
    let database = cluster.database();
    let mut shell = database.shell();
    cluster.freeze();
    let (tell, told) = sync_channel(1);
    let waiting = std::thread::spawn(move || tell.send(shell.value("SELECT 7")));
    assert_eq!(told.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::Timeout));
    cluster.thaw();
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), "7");
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_cluster_of_ones_own_leaves_nothing_behind() {
    let Some(cluster) = Cluster::own() else { return };
    let address = cluster.address();
    let folder = cluster.administrator().value("SHOW data_directory");
    assert!(std::path::Path::new(&folder).exists());
    drop(cluster);
    assert!(!std::path::Path::new(&folder).exists());
    assert!(std::net::TcpStream::connect(address).is_err());
}

fn behind(proxy: &Proxy, database: &vibetea_testkit::Database) -> Result<Shell, String> {
    Shell::try_connect(proxy.address(), database.name()).map_err(|error| error.to_string())
}

#[test]
fn the_network_passes_cuts_and_refuses() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let mut shell = behind(&proxy, &database).unwrap();
    let mut listener = behind(&proxy, &database).unwrap();
    listener.execute("LISTEN something");
    assert_eq!(shell.value("SELECT repeat('x', 1000000)").len(), 1_000_000);
    assert_eq!((proxy.connections(), proxy.listeners()), (2, 1));
    assert_eq!(proxy.cut_listeners(), 1);
    assert!(listener.try_execute("SELECT 1").is_err());
    assert_eq!(shell.value("SELECT 1"), "1");
    assert_eq!(proxy.cut(), 1);
    assert!(shell.try_execute("SELECT 1").is_err());
    proxy.set(Fault::Refuse);
    assert!(behind(&proxy, &database).is_err());
    proxy.set(Fault::None);
    behind(&proxy, &database).unwrap();
}

#[test]
fn a_black_hole_holds_what_is_sent_until_it_is_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let mut shell = behind(&proxy, &database).unwrap();
    proxy.set(Fault::Blackhole);
    let (tell, told) = sync_channel(1);
    let waiting = std::thread::spawn(move || tell.send(shell.value("SELECT 7")));
    assert_eq!(told.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::Timeout));
    proxy.set(Fault::None);
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), "7");
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_silenced_listener_hears_nothing_and_is_not_told() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let mut shell = behind(&proxy, &database).unwrap();
    let mut listener = behind(&proxy, &database).unwrap();
    listener.execute("LISTEN something");
    assert_eq!(proxy.silence_listeners(), 1);
    assert_eq!((proxy.connections(), proxy.listeners()), (2, 0));
    let (tell, told) = sync_channel(1);
    let waiting = std::thread::spawn(move || tell.send(listener.try_execute("SELECT 1").is_ok()));
    assert_eq!(told.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::Timeout));
    assert_eq!(shell.value("SELECT 1"), "1", "the others are heard");
    assert_eq!(proxy.cut(), 2);
    assert!(!told.recv_timeout(DEADLINE).unwrap());
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_connection_is_cut_after_so_many_bytes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    for fault in [Fault::CutAfterSending(40), Fault::CutAfterReceiving(40)] {
        proxy.set(Fault::None);
        let mut shell = behind(&proxy, &database).unwrap();
        proxy.set(fault);
        let rounds = (0..10).take_while(|_| shell.try_execute("SELECT 1").is_ok()).count();
        assert!((0..5).contains(&rounds), "{fault:?}: {rounds}");
    }
}

#[test]
fn a_commit_whose_answer_is_cut_is_a_commit() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let mut shell = behind(&proxy, &database).unwrap();
    shell.execute("CREATE TABLE t (n int)");
    proxy.set(Fault::CutAnswerTo("COMMIT"));
    shell.execute("BEGIN");
    shell.execute("INSERT INTO t VALUES (1)");
    assert!(shell.try_execute("COMMIT").is_err());
    assert_eq!(database.shell().value("SELECT count(*) FROM t"), "1");
}
