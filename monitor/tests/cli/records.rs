use super::{Home, SECRET, Server, eventually, fs};

fn status(home: &Home) -> serde_json::Value {
    serde_json::from_str(&home.run(&["status", "--json"], &[]).stdout).unwrap_or_default()
}

/// Sends a session's first events to a server that takes them, until nothing waits.
fn deliver(home: &Home, server: &Server, prompts: std::ops::Range<u32>) {
    let monitor = home.start(&server.url, &[]);
    for prompt in prompts {
        home.write_session(1, prompt..prompt + 1);
        eventually("the events", || server.events().len() >= prompt as usize + 2);
    }
    eventually("an empty outbox", || status(home)["live"]["waiting"] == 0);
    monitor.signal("-TERM");
}

#[test]
fn audit_shows_the_very_bytes_that_the_server_received() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    let nothing = home.run(&["audit"], &[]);
    assert_eq!(nothing.status, 1);
    assert!(nothing.stderr.contains("nothing has been sent"), "{}", nothing.stderr);

    deliver(&home, &server, 0..4);
    let bodies = home.run(&["audit", "--bodies"], &[]);
    assert_eq!(bodies.status, 0, "{}", bodies.stderr);
    assert_eq!(bodies.stdout, server.bodies().join("\n") + "\n");

    let json = home.run(&["audit", "--json", "--bodies", "--limit", "1"], &[]);
    let last: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(last["body"], server.bodies().last().unwrap().as_str());
    assert_eq!(last["url"], format!("{}/events", server.url));
    assert_eq!(last["status"], 202);
    assert!(json.stderr.contains("The newest 1 of"), "{}", json.stderr);

    let table = home.run(&["audit", "--since", "1h"], &[]).stdout;
    assert_eq!(table.lines().count(), server.bodies().len() + 1, "{table}");
    assert!(table.lines().skip(1).all(|line| line.ends_with("/events 202")), "{table}");
    let wrong = home.run(&["audit", "--since", "yesterday"], &[]);
    assert_eq!(wrong.status, 1);
    assert!(wrong.stderr.contains("90m"), "{}", wrong.stderr);
    for entry in fs::read_dir(home.path(".local/state/vibetea")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("xylophone"), "{SECRET}");
    }
}

#[test]
fn audit_verify_finds_a_record_that_was_changed() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    deliver(&home, &server, 0..2);
    let sound = home.run(&["audit", "verify"], &[]);
    assert_eq!(sound.status, 0, "{}", sound.stderr);
    let count = server.bodies().len();
    assert!(sound.stdout.starts_with(&format!("{count} requests: {count} sound")), "{}", sound.stdout);

    let record = rusqlite::Connection::open(home.path(".local/state/vibetea/sent.db")).unwrap();
    let changed =
        "UPDATE request SET signature = replace(signature, substr(signature, 1, 4), 'AAAA') WHERE number = 1";
    assert_eq!(record.execute(changed, []).unwrap(), 1);
    let found = home.run(&["audit", "verify"], &[]);
    assert_eq!(found.status, 1);
    assert!(found.stderr.contains("request 1 of"), "{}", found.stderr);

    // a key that was replaced signed what it signed
    assert_eq!(home.run(&["init", "--force"], &[]).status, 0);
    let other = home.run(&["audit", "verify"], &[]).stdout;
    assert!(other.contains("0 sound"), "{other}");
    assert!(other.contains(&format!("{} signed with another key", count - 1)), "{other}");
}

#[test]
fn events_that_were_set_aside_are_listed_dropped_and_sent_again_beside_a_running_monitor() {
    let (home, refusing) = (Home::with_key(), Server::answering(400));
    home.write_session(1, 0..3);
    let monitor = home.start(&refusing.url, &[]);
    eventually("four events set aside", || status(&home)["live"]["quarantined"] == 4);
    monitor.signal("-TERM");
    drop(monitor);

    let json = home.run(&["quarantine", "list", "--json"], &[]);
    let listed: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 4);
    assert_eq!((&listed[0]["reason"], &listed[0]["destination"]), (&"400".into(), &"live".into()));
    let table = home.run(&["quarantine", "list"], &[]).stdout;
    assert_eq!(table.lines().count(), 5, "{table}");

    let id = listed[0]["id"].as_str().unwrap();
    let unasked = home.run(&["quarantine", "drop", id], &[]);
    assert_eq!(unasked.status, 1);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(home.run(&["quarantine", "drop", id, "--yes"], &[]).status, 0);
    let unknown = home.run(&["quarantine", "retry", id], &[]);
    assert_eq!(unknown.status, 1);
    assert!(unknown.stderr.contains(id), "{}", unknown.stderr);
    for args in
        [&["quarantine", "drop"][..], &["quarantine", "drop", "--all", id], &["quarantine", "retry", "x"]]
    {
        assert_eq!(home.run(args, &[]).status, 2, "{args:?}");
    }

    let server = Server::answering(202);
    let _monitor = home.start(&server.url, &[]);
    let retried = home.run(&["quarantine", "retry"], &[]);
    assert_eq!(retried.status, 0, "{}", retried.stderr);
    assert!(
        retried.stderr.contains("3 events; the") && retried.stderr.contains("running"),
        "{}",
        retried.stderr
    );
    eventually("the events", || server.events().len() == 3);
    let sent: Vec<_> = server.events().iter().map(|event| event["id"].clone()).collect();
    assert_eq!(sent, listed[1..].iter().map(|event| event["id"].clone()).collect::<Vec<_>>());
    eventually("an empty outbox", || status(&home)["live"]["waiting"] == 0);
    let empty = home.run(&["quarantine", "list"], &[]);
    assert_eq!((empty.status, empty.stdout.as_str()), (0, ""));
}
