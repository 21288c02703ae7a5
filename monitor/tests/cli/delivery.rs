use super::{Duration, Home, SECRET, Server, eventually};

/// What waits is sent for four seconds at most; the rest is for a busy machine.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn a_prompt_becomes_an_event_and_its_words_stay_at_home() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_session(1, 0..1);
    let mut monitor = home.start(&server.url, &[("RUST_LOG", "trace")]);
    eventually("both events", || server.events().len() >= 2);
    home.write_session(1, 1..2);
    eventually("the later event", || server.events().len() >= 3);
    monitor.signal("-TERM");
    let (status, took) = monitor.wait();
    assert_eq!(status.code(), Some(0), "{}", monitor.log());
    assert!(took < STOPS_WITHIN, "{took:?}");

    let types: Vec<_> =
        server.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["session", "activity", "activity"]);
    assert!(server.events().iter().all(|event| event["source"] == "test-source"));
    for text in [server.bodies().concat(), monitor.log()] {
        assert!(!text.contains("xylophone"), "{SECRET}");
        let line = text.lines().find(|line| line.contains("-home-dev-shop"));
        assert_eq!(line, None);
    }
}

#[test]
fn what_a_dead_server_missed_is_delivered_by_the_next_run() {
    let home = Home::with_key();
    home.write_session(1, 0..10);
    let mut monitor = home.start("http://127.0.0.1:9", &[]);
    let waiting = || status(&home)["live"]["waiting"].as_u64();
    eventually("all events in the outbox", || waiting() == Some(11));
    eventually("the trouble in the status", || status(&home)["live"]["state"] == "retrying");
    let shown = home.run(&["status"], &[]).stdout;
    assert!(shown.contains("running") && shown.contains("11 waiting"), "{shown}");
    monitor.signal("-INT");
    assert_eq!(monitor.wait().0.code(), Some(0));
    assert_eq!(status(&home)["running"], false);

    let server = Server::answering(202);
    let mut monitor = home.start(&server.url, &[]);
    eventually("all events", || server.events().len() == 11);
    eventually("an empty outbox", || waiting() == Some(0));
    monitor.signal("-TERM");
    assert_eq!(monitor.wait().0.code(), Some(0));
    assert_eq!(server.events().len(), 11);
}

#[test]
fn a_stop_under_load_leaves_every_event_confirmed_or_queued() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_session(1, 0..1500);
    let mut monitor = home.start(&server.url, &[("VIBETEA_BUFFER_SIZE", "5")]);
    eventually("the load", || server.bodies().len() > 20);
    monitor.signal("-TERM");
    let (ended, took) = monitor.wait();
    assert_eq!(ended.code(), Some(0), "{}", monitor.log());
    assert!(took < STOPS_WITHIN, "{took:?}");
    let read = status(&home)["counters"]["events"].as_u64().unwrap();
    let store = rusqlite::Connection::open(home.path(".local/state/vibetea/outbox.db")).unwrap();
    let mut waiting = store.prepare("SELECT 'evt_' || id FROM outbox").unwrap();
    let waiting: Vec<String> =
        waiting.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let confirmed = server.events().into_iter().map(|event| event["id"].as_str().unwrap().to_owned());
    let known: std::collections::BTreeSet<String> = confirmed.chain(waiting).collect();
    assert_eq!(known.len() as u64, read);
}

#[test]
fn a_second_signal_ends_at_once() {
    let (home, silent) = (Home::with_key(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    home.write_session(1, 0..1);
    let mut monitor = home.start(&format!("http://{}", silent.local_addr().unwrap()), &[]);
    let _connection = silent.accept().unwrap();
    monitor.signal("-TERM");
    // the first is seen before the second is sent, or both count as one
    eventually("the word that it stops", || monitor.log().contains("stopping"));
    monitor.signal("-TERM");
    assert_eq!(monitor.wait().0.code(), Some(128 + 15));
}

#[test]
fn a_silent_server_does_not_keep_a_stop_for_long() {
    let (home, silent) = (Home::with_key(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    home.write_session(1, 0..1);
    let mut monitor = home.start(&format!("http://{}", silent.local_addr().unwrap()), &[]);
    let _connection = silent.accept().unwrap();
    monitor.signal("-TERM");
    let (ended, took) = monitor.wait();
    assert_eq!(ended.code(), Some(0), "{}", monitor.log());
    assert!(took < STOPS_WITHIN, "{took:?}");
    assert_eq!(status(&home)["live"]["waiting"], 2);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_loopback() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_session(1, 0..1);
    let proxy = ("http_proxy", "http://127.0.0.1:9");
    let _monitor = home.start(&server.url, &[proxy, ("HTTP_PROXY", proxy.1), ("ALL_PROXY", proxy.1)]);
    eventually("both events", || server.events().len() == 2);
}

#[test]
fn an_idle_monitor_is_small() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_session(1, 0..1);
    let monitor = home.start(&server.url, &[]);
    eventually("both events", || server.events().len() == 2);
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", monitor.child.id())) else {
        println!("skipped: no /proc on this system");
        return;
    };
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!("resident memory: {kibibytes} KiB");
    // a debug build is larger than what people run, so the limit here is above theirs
    assert!(kibibytes < 40 * 1024, "{kibibytes} KiB");
}

fn status(home: &Home) -> serde_json::Value {
    serde_json::from_str(&home.run(&["status", "--json"], &[]).stdout).unwrap_or_default()
}
