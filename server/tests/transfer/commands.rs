//! Exit codes and words of the commands.

use std::process::Stdio;

use vibetea_protocol::Clock;
use vibetea_server::store::{SqliteOptions, Store};

use crate::support::{Place, line};

#[test]
fn wrong_usage_ends_with_2_and_wrong_settings_with_78() {
    let place = Place::new();
    for arguments in [
        &["export", "--from", "yesterday"][..],
        &["export", "--from", "2026-02-03T00:00:00Z", "--to", "2026-02-02T00:00:00Z"],
        &["digest", "--source", ""],
        &["backup"],
        &["restore"],
        &["ask-history", ""],
        &["import", "a.ndjson", "--from", "postgres://u@h/d"],
        &["export", "--port", "1"],
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
    for arguments in [
        &["export", "--database-url", "none"][..],
        &["import", "--database-url", "none"],
        &["backup", "--database-url", "none", "x"],
        &["restore", "--database-url", "none", "x"],
        &["ask-history", "--database-url", "none"],
        &["digest", "--database-url", "oracle:tea"],
        &["import", "--from", "mysql://reader@h/d"],
        &["import", "--from", "mysql://reader:s3cret@h/d"],
        &["import", "--from", "postgres://reader@h/d?pass=s3cret"],
        &["import", "--from-file", "/nowhere/url"],
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(78), "{arguments:?}: {ended:?}");
        assert!(!ended.told.contains("s3cret"), "{ended:?}");
    }
    assert!(!place.database().exists());
}

#[test]
fn a_password_on_the_command_line_is_refused_with_the_ways_that_nobody_reads() {
    let place = Place::new();
    let url = "postgres://reader:s3cret@127.0.0.1:1/d";
    for (arguments, way) in [
        (["import", "--from", url], "VIBETEA_IMPORT_FROM"),
        (["import", "--from", "postgres://reader@127.0.0.1:1/d?password=s3cret"], "--from-file"),
        (["export", "--database-url", url], "VIBETEA_DATABASE_URL_FILE"),
        (["digest", "--database-url", url], "VIBETEA_DATABASE_URL"),
    ] {
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(78), "{arguments:?}: {ended:?}");
        assert!(ended.told.contains("holds a password") && ended.told.contains(way), "{ended:?}");
        assert!(!ended.told.contains("s3cret"), "{ended:?}");
    }
    // the twin: what is wrong with another is said of that
    let ended = place.run(&["export", "--database-url", "postgres://reader@127.0.0.1:port/d"]);
    assert!(ended.code == Some(78) && !ended.told.contains("holds a password"), "{ended:?}");
}

#[test]
fn a_database_that_is_not_there_is_told_and_not_made() {
    let place = Place::new();
    for command in ["export", "digest"] {
        let ended = place.run(&[command]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.told.contains("there is no database"), "{ended:?}");
        assert!(!place.database().exists());
    }
    let ended = place.run(&["import", "/nowhere/events.ndjson"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.told.contains("/nowhere/events.ndjson cannot be read"), "{ended:?}");
    assert!(!place.database().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_use_is_told() {
    let place = Place::new();
    place.import(&line(0));
    let options = SqliteOptions::new(place.database());
    let store = Store::open_sqlite(options, Clock::System, Box::new(|_| {})).await.unwrap();
    for arguments in [&["export"][..], &["digest"], &["import", "-"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.told.contains("is in use by another server"), "{ended:?}");
    }
    store.close().await;
    assert_eq!(place.export(&[]), line(0));
}

#[test]
fn an_export_that_nobody_reads_to_its_end_has_failed() {
    let place = Place::new();
    place.import(&(0..20_000).map(line).collect::<String>());
    let mut child = place.program(&["export"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the events cannot be written"));
}

#[test]
fn every_command_explains_itself_with_examples() {
    let place = Place::new();
    for command in ["export", "import", "digest", "backup", "restore", "ask-history", "doctor"] {
        let ended = place.run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        for word in ["Examples:", "Exit codes:", "--database-url"] {
            assert!(ended.out.contains(word), "{command}: {}", ended.out);
        }
    }
}
