use std::net::TcpListener;
use std::sync::Arc;

use serde_json::Value;
use vibetea_protocol::{Clock, Timestamp};

use super::{Ended, Home, Server, eventually, fs, set_mode};

/// What a server says to an empty batch of one whose key it knows.
const KNOWN: &str = r#"400 Bad Request|{"error":"empty_batch","message":"m"}"#;

/// A server that answers everything with this status and body, at the time of `clock` plus some seconds.
fn server_saying(what: &str, seconds_off: i64) -> Server {
    let (status, body) = what.split_once('|').unwrap();
    let at = Clock::System.now().as_micros() + seconds_off * 1_000_000;
    let at: jiff::Timestamp = Timestamp::from_micros(at).unwrap().to_string().parse().unwrap();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
    Server::saying(&format!(
        "HTTP/1.1 {status}\r\ndate: {date}\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn doctor(home: &Home, server: &str, more: &[(&str, &str)]) -> (Value, Ended) {
    let mut environment = vec![("VIBETEA_SERVER_URL", server)];
    environment.extend_from_slice(more);
    let ended = home.run(&["doctor", "--json"], &environment);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let failed = told["checks"].as_array().unwrap().iter().filter(|line| line["status"] == "fail").count();
    assert_eq!(told["failed"], failed);
    assert_eq!(ended.status, i32::from(failed > 0));
    (told, ended)
}

/// `status: message → remedy` of one check.
fn line(told: &Value, check: &str) -> String {
    let lines = told["checks"].as_array().unwrap();
    let line =
        lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{check}: {lines:#?}"));
    let word = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    format!("{}: {} → {}", word("status"), word("message"), word("remedy"))
}

/// A home in which everything is as it should be, as far as nobody runs.
fn healthy() -> Home {
    let home = Home::with_key();
    home.write_session(1, 0..1);
    fs::write(
        home.path(".claude/settings.json"),
        r#"{"cleanupPeriodDays": 365, "env": {"TOKEN": "hunter2"}}"#,
    )
    .unwrap();
    home
}

fn masked(home: &Home, text: &str, server: &Server) -> String {
    let key = fs::read_to_string(home.path(".vibetea/key.pub")).unwrap_or_default();
    let text = text.replace(home.folder.path().to_str().unwrap(), "HOME").replace(&server.url, "SERVER");
    let text = if key.is_empty() { text } else { text.replace(key.trim(), "PUBLIC-KEY") };
    text.lines()
        .map(|line| match line.split_once(" free where") {
            Some((_, rest)) => format!("pass             disk space       … free where{rest}"),
            // numbers of the system
            None => {
                line.split(" (limits").next().unwrap().split(" (os").next().unwrap().trim_end().to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_healthy_machine_passes_line_by_line() {
    let (home, server) = (healthy(), server_saying(KNOWN, 0));
    let monitor = home.start(&server_saying("202 Accepted|", 0).url, &[]);
    eventually("delivery", || {
        let status: Value =
            serde_json::from_str(&home.run(&["status", "--json"], &[]).stdout).unwrap_or_default();
        status["live"]["state"] == "delivering" && status["monitor"]["health"]["following"] == "events"
    });
    let ended = home.run(&["doctor"], &[("VIBETEA_SERVER_URL", &server.url)]);
    insta::assert_snapshot!(masked(&home, &ended.stdout, &server), @"
    pass             settings         all can be used; there is no configuration file
    pass             key              the key in HOME/.vibetea is for its owner alone; its public half is PUBLIC-KEY
    pass             transcripts      1 transcript with 293 bytes in HOME/.claude/projects
    pass             history cleanup  Claude Code keeps transcripts for 365 days
    pass             state folder     HOME/.local/state/vibetea can be written
    pass             disk space       … free where the state folder is
    pass             monitor          running as 'test-source'
    pass             delivery         no error when last tried; no events wait
    pass             quarantine       empty
    pass             file events      the running monitor hears of changes in 2 folders
    pass             server           SERVER/events answers
    pass             registration     the server knows 'test-source' and accepts the signature
    pass             batches          SERVER/ingest answers
    pass             clock            agrees with the server's
    ");
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(server.bodies(), ["[]", "[]"], "what was asked holds no event");
    drop(monitor);
}

#[test]
fn before_anything_is_set_up_each_line_names_its_remedy() {
    let home = Home::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server { url: format!("http://{}", nobody.local_addr().unwrap()), bodies: Arc::default() };
    drop(nobody);
    let ended = home.run(&["doctor"], &[("VIBETEA_SERVER_URL", &server.url)]);
    insta::assert_snapshot!(masked(&home, &ended.stdout, &server), @r#"
    pass             settings         all can be used; there is no configuration file
    fail             key              there is no key at HOME/.vibetea/key.priv
                                      → make one with `vibetea-monitor init`
    fail             transcripts      there is no folder HOME/.claude/projects
                                      → start Claude Code once, or set claude_dir to the folder that it uses
    warn             history cleanup  Claude Code deletes transcripts after 30 days; what was read by then stays on the server
                                      → set "cleanupPeriodDays": 365 in HOME/.claude/settings.json to keep them longer
    pass             state folder     HOME/.local/state/vibetea is not there yet and can be made
    pass             disk space       … free where the state folder is
    warn             monitor          not running
                                      → start it with `vibetea-monitor run`, or for good with `vibetea-monitor service install`
    could not check  delivery         no monitor has run with this state folder yet
    could not check  quarantine       no monitor has run with this state folder yet
    could not check  file events      there is no folder to watch yet
    fail             server           SERVER/events does not answer: Connection refused
                                      → start the server, or check the address and the way to it
    could not check  registration     the server did not answer as it should
    fail             batches          SERVER/ingest does not answer: Connection refused
                                      → start the server, or check the address and the way to it
    could not check  clock            no server told its time
    "#);
    assert_eq!((ended.status, ended.stderr.as_str()), (1, ""));
}

#[test]
fn the_answer_to_an_empty_batch_tells_what_the_server_knows() {
    let home = healthy();
    for (answer, server, registration) in [
        (KNOWN, "pass", "pass"),
        ("202 Accepted|", "pass", "pass"),
        (r#"401 X|{"error":"unknown_source","message":"m"}"#, "pass", "fail"),
        (r#"401 X|{"error":"invalid_signature","message":"m"}"#, "pass", "fail"),
        (r#"401 X|{"error":"a sentence","code":"unknown_source"}"#, "pass", "fail"),
        ("401 Unauthorized|<html>who are you?</html>", "pass", "fail"),
        ("400 Bad Request|<html>", "pass", "could not check"),
        ("301 Moved|", "fail", "could not check"),
        ("404 Not Found|<html>", "fail", "could not check"),
        (r#"503 X|{"error":"unavailable","message":"m"}"#, "warn", "could not check"),
        ("429 Too Many|", "warn", "could not check"),
    ] {
        let (told, _) = doctor(&home, &server_saying(answer, 0).url, &[]);
        let verdicts = ["server", "registration"].map(|check| line(&told, check));
        assert!(verdicts[0].starts_with(&format!("{server}: ")), "{answer}: {verdicts:?}");
        assert!(verdicts[1].starts_with(&format!("{registration}: ")), "{answer}: {verdicts:?}");
        assert!(!verdicts.concat().contains("who are you"), "{verdicts:?}");
    }
    let unknown = server_saying(r#"401 X|{"error":"unknown_source","message":"m"}"#, 0);
    let key = fs::read_to_string(home.path(".vibetea/key.pub")).unwrap();
    let (told, _) = doctor(&home, &unknown.url, &[]);
    assert!(line(&told, "registration").contains(&format!("'test-source:{}'", key.trim())), "{told:#}");
}

#[test]
fn a_destination_for_batches_of_its_own_is_asked_as_well() {
    let (home, live) = (healthy(), server_saying(KNOWN, 0));
    let hosted = server_saying(r#"401 X|{"error":"invalid_signature","message":"m"}"#, 0);
    let (told, _) = doctor(&home, &live.url, &[("VIBETEA_SUPABASE_URL", &hosted.url)]);
    assert!(line(&told, "registration").starts_with("pass"), "{told:#}");
    assert!(line(&told, "registration for batches").starts_with("fail"), "{told:#}");
}

#[test]
fn tls_that_fails_is_told() {
    let (home, plain) = (healthy(), server_saying(KNOWN, 0));
    let (told, _) = doctor(&home, &plain.url.replace("http:", "https:"), &[]);
    let server = line(&told, "server");
    assert!(server.starts_with("fail") && server.contains("tls handshake"), "{server}");
}

#[test]
fn a_clock_that_is_off_by_more_than_two_minutes_is_warned_of() {
    let home = healthy();
    for (off, verdict) in [(0, "pass"), (60, "pass"), (-60, "pass"), (200, "warn"), (-200, "warn")] {
        let (told, _) = doctor(&home, &server_saying(KNOWN, off).url, &[]);
        assert!(line(&told, "clock").starts_with(verdict), "{off}: {}", line(&told, "clock"));
    }
    let (told, _) = doctor(&home, &Server::answering(202).url, &[]);
    assert!(line(&told, "clock").starts_with("could not check"), "no Date header: {}", line(&told, "clock"));
}

#[test]
fn a_key_that_is_exposed_cut_or_all_zeros_fails_and_another_public_half_warns() {
    let (home, server) = (healthy(), server_saying(KNOWN, 0));
    let key = home.path(".vibetea/key.priv");
    let check = |verdict: &str, word: &str| {
        let (told, _) = doctor(&home, &server.url, &[]);
        let found = line(&told, "key");
        assert!(found.starts_with(verdict) && found.contains(word), "{found}");
        let registration = line(&told, "registration");
        assert_eq!(registration.starts_with("could not check"), verdict == "fail", "{registration}");
    };
    check("pass", "owner alone");
    fs::write(home.path(".vibetea/key.pub"), "AAAA\n").unwrap();
    check("warn", "holds another key");
    set_mode(&key, 0o640);
    check("fail", "chmod 600");
    set_mode(&key, 0o600);
    fs::write(&key, [0; 32]).unwrap();
    check("fail", "one byte repeated");
    fs::write(&key, [1, 2, 3]).unwrap();
    check("fail", "not 32 bytes");
}

#[test]
fn the_agents_folder_and_its_cleanup_are_looked_at() {
    let (home, server) = (healthy(), server_saying(KNOWN, 0));
    let settings = home.path(".claude/settings.json");
    for (text, verdict) in [
        (Some(r#"{"cleanupPeriodDays": 365}"#), "pass"),
        (Some(r#"{"cleanupPeriodDays": 7}"#), "warn"),
        (Some(r#"{"model": "x"}"#), "warn"),
        (None, "warn"),
        (Some(r#"{"cleanupPeriodDays": "hunter2"}"#), "could not check"),
    ] {
        match text {
            Some(text) => fs::write(&settings, text).unwrap(),
            None => fs::remove_file(&settings).unwrap(),
        }
        let (told, ended) = doctor(&home, &server.url, &[]);
        assert!(line(&told, "history cleanup").starts_with(verdict), "{text:?}: {told:#}");
        assert!(!ended.stdout.contains("hunter2"));
    }
    for (folder, verdict) in
        [(".claude", "pass: 1 transcript"), ("empty", "warn: no transcripts"), ("none", "fail")]
    {
        fs::create_dir_all(home.path("empty/projects")).unwrap();
        let folder = home.path(folder);
        let (told, _) = doctor(&home, &server.url, &[("VIBETEA_CLAUDE_DIR", folder.to_str().unwrap())]);
        assert!(line(&told, "transcripts").starts_with(verdict), "{told:#}");
    }
}

#[test]
fn a_state_folder_that_cannot_be_used_fails() {
    let (home, server) = (healthy(), server_saying(KNOWN, 0));
    fs::write(home.path("file"), "").unwrap();
    let below_file = home.path("file/state");
    let (told, _) = doctor(&home, &server.url, &[("VIBETEA_STATE_DIR", below_file.to_str().unwrap())]);
    assert!(line(&told, "state folder").starts_with("fail"), "{told:#}");
    fs::create_dir(home.path("open")).unwrap();
    set_mode(&home.path("open"), 0o777);
    let open = home.path("open");
    let (told, _) = doctor(&home, &server.url, &[("VIBETEA_STATE_DIR", open.to_str().unwrap())]);
    assert!(line(&told, "state folder").contains("chmod 700"), "{told:#}");
    assert_eq!(fs::read_dir(home.path("open")).unwrap().count(), 0, "looking leaves nothing behind");
}

#[test]
fn what_was_set_aside_is_warned_of() {
    let (home, refusing) = (healthy(), server_saying(r#"400 X|{"error":"invalid_event","message":"m"}"#, 0));
    let mut monitor = home.start(&refusing.url, &[]);
    eventually("events set aside", || home.run(&["status"], &[]).stdout.contains("Quarantine"));
    monitor.signal("-TERM");
    monitor.wait();
    let (told, _) = doctor(&home, &server_saying(KNOWN, 0).url, &[]);
    assert!(line(&told, "quarantine").starts_with("warn"), "{told:#}");
    assert!(line(&told, "monitor").starts_with("warn: not running"), "{told:#}");
}

#[test]
fn wrong_settings_fail_and_what_needs_them_could_not_be_checked() {
    let home = healthy();
    let (told, _) = doctor(&home, "nonsense", &[("VIBETEA_SOURCE_ID", "a\nb")]);
    assert!(line(&told, "settings").starts_with("fail"), "{told:#}");
    for check in ["key", "server"] {
        assert!(line(&told, check).starts_with("could not check"), "{told:#}");
    }
    assert!(line(&told, "transcripts").starts_with("pass"), "{told:#}");
}
