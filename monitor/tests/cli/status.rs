use serde_json::Value;

use super::{Home, Server, eventually, fs};

fn status(home: &Home) -> Value {
    serde_json::from_str(&home.run(&["status", "--json"], &[]).stdout).unwrap_or_default()
}

#[test]
fn status_tells_what_a_running_monitor_does_and_forgets_it_when_it_has_ended() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    let mut monitor = home.start(&server.url, &[]);
    eventually("waiting for the folder", || status(&home)["monitor"]["health"]["following"] == "waiting");
    home.write_session(1, 0..1);
    eventually("file events", || status(&home)["monitor"]["health"]["following"] == "events");
    eventually("delivery", || status(&home)["live"]["lastAcknowledged"].is_string());
    let told = status(&home);
    assert_eq!((&told["monitor"]["source"], &told["running"]), (&"test-source".into(), &true.into()));
    assert_eq!(told["monitor"]["live"], format!("{}/events", server.url));
    assert_eq!((&told["files"], &told["queueBytes"]), (&1.into(), &0.into()));
    let watched = home.path(".claude/projects").display().to_string();
    assert_eq!(told["watched"], watched);
    let text = home.run(&["status"], &[]).stdout;
    assert!(text.contains(&watched), "{text}");
    assert!(text.contains("running as 'test-source'") && text.contains("noticed by file events"), "{text}");
    monitor.signal("-TERM");
    monitor.wait();
    let told = status(&home);
    assert_eq!((&told["monitor"], &told["running"]), (&Value::Null, &false.into()));
    // a running monitor whose words cannot be read is still running
    fs::write(home.path(".local/state/vibetea/running.json"), "{").unwrap();
    let _monitor = home.start(&server.url, &[]);
    eventually("the words of the new one", || status(&home)["monitor"]["source"] == "test-source");
}
