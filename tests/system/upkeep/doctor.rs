//! The server's doctor passes nothing that it has not seen.

use serde_json::Value;

use super::Site;
use super::site::events;

/// `status: message` of each check, and whether something failed.
fn examined(site: &Site) -> (Vec<(String, String)>, bool) {
    let ended = site.command(&["doctor", "--json"]);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines: Vec<(String, String)> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (text(&line["check"]), format!("{}: {}", text(&line["status"]), text(&line["message"]))))
        .collect();
    for line in told["checks"].as_array().unwrap() {
        let has_remedy = line["remedy"].is_string();
        let wants_one = matches!(line["status"].as_str(), Some("warn" | "fail"));
        assert_eq!(has_remedy, wants_one, "{line}");
    }
    let failed = lines.iter().any(|(_, said)| said.starts_with("fail"));
    assert_eq!(ended.status.code(), Some(i32::from(failed)), "{lines:?}");
    (lines, failed)
}

fn said(lines: &[(String, String)], check: &str) -> String {
    lines.iter().find(|(name, _)| name == check).map_or_else(String::new, |(_, said)| said.clone())
}

#[track_caller]
fn starts(lines: &[(String, String)], check: &str, with: &str) {
    let said = said(lines, check);
    assert!(said.starts_with(with), "{check}: {said}");
}

#[test]
fn it_looks_at_a_store_beside_a_running_server_and_without_one() {
    for site in Site::both() {
        let server = site.start();
        site.take("/ingest", &events(0..50));
        let (lines, failed) = examined(&site);
        assert!(!failed, "{lines:?}");
        for check in ["settings", "server", "store", "counts", "schema", "senders", "viewers", "exposure"] {
            starts(&lines, check, "pass");
        }
        if site.is_sqlite() {
            starts(&lines, "integrity", "pass");
            starts(&lines, "clock", "could not check");
        } else {
            starts(&lines, "integrity", "could not check");
            starts(&lines, "disk space", "could not check");
            starts(&lines, "clock", "pass");
        }
        starts(&lines, "backups", "warn");
        // it stands in nobody's way
        site.take("/ingest", &events(50..60));
        Site::stop(server);
        let (lines, failed) = examined(&site);
        assert!(!failed, "{lines:?}");
        starts(&lines, "server", "warn: none answers");
        starts(&lines, "store", "pass");
        assert_eq!(site.ids().len(), 60);
    }
}

#[test]
fn rows_that_were_changed_by_hand_and_newer_schemas_fail() {
    for site in Site::both() {
        let server = site.start();
        site.take("/ingest", &events(0..50));
        Site::stop(server);
        site.execute("UPDATE tally SET count = count + 1");
        let (lines, _) = examined(&site);
        starts(&lines, "counts", "fail: 50 events, but 51");
        site.execute(
            "UPDATE tally SET count = count - 1;
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, '0', 0)",
        );
        let (lines, _) = examined(&site);
        starts(&lines, "counts", "pass");
        starts(&lines, "schema", "fail: version 9999");
    }
}

#[test]
fn a_store_that_nobody_may_write_to_fails() {
    const SCRIPT: &str = r#"mount --bind "$VIBETEA_DATA_DIR" "$VIBETEA_DATA_DIR" &&
        mount -o remount,bind,ro "$VIBETEA_DATA_DIR" || exit 77
        exec "$@""#;
    let site = Site::sqlite();
    let server = site.start();
    site.take("/ingest", &events(0..50));
    let wrapper = ["unshare", "-r", "-m", "sh", "-c", SCRIPT, "sh"];
    let look = || {
        let ended = site.command_under(&wrapper, &["doctor", "--json"]).wait(super::site::LONG);
        let told: Value = serde_json::from_str(&ended.stdout).ok()?;
        let store = told["checks"].as_array()?.iter().find(|line| line["check"] == "store")?.clone();
        assert_eq!((&store["status"], ended.status.code()), (&Value::from("fail"), Some(1)), "{told}");
        store["message"].as_str().map(str::to_owned)
    };
    let Some(beside) = look() else {
        eprintln!("skipped: nobody may have mounts of his own here");
        return;
    };
    assert!(beside.contains("cannot be written: Read-only"), "{beside}");
    Site::stop(server);
    // the log beside the database cannot even be made
    let alone = look().unwrap();
    assert!(alone.contains("cannot be opened"), "{alone}");
    // and nothing of that is there once it may
    let (lines, _) = examined(&site);
    starts(&lines, "store", "pass");
}

#[test]
fn damage_a_missing_store_and_wrong_settings_are_told_and_hide_nothing_else() {
    let site = Site::sqlite();
    let (lines, failed) = examined(&site);
    assert!(!failed, "{lines:?}");
    starts(&lines, "store", "warn");
    assert!(!site.place.database().exists(), "nothing is made");

    let server = site.start();
    site.take("/ingest", &events(0..900));
    Site::stop(server);
    let path = site.place.database();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.iter_mut().skip(16_384 * 3 + 7).step_by(97).for_each(|byte| *byte ^= 0x55);
    std::fs::write(&path, &bytes).unwrap();
    let (lines, failed) = examined(&site);
    assert!(failed, "{lines:?}");
    for check in ["integrity", "counts", "schema"] {
        assert!(!said(&lines, check).starts_with("pass"), "{lines:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the store is as it was");

    let ended = site.command_under(&["env", "VIBETEA_RETENTION=3d"], &["doctor"]).wait(super::site::LONG);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stdout.contains("VIBETEA_RETENTION") && ended.stdout.contains("from 31d"),
        "{}",
        ended.stdout
    );
}
