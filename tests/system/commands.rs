//! The monitor's commands against the real server.

use std::time::Duration;

use serde_json::Value;
use vibetea_tests::place::Place;
use vibetea_tests::program::loopback;
use vibetea_tests::stored;

/// `status: message` of one of the doctor's checks.
fn doctor_says(place: &Place, check: &str, more: &[(&'static str, &str)]) -> String {
    let url = format!("http://{}", loopback(place.port));
    let mut all = vec![("VIBETEA_SERVER_URL", url.as_str())];
    all.extend_from_slice(more);
    let ended = place.start("vibetea-monitor", &["doctor", "--json"], &all).wait(Duration::from_mins(1));
    let told: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let lines = told["checks"].as_array().unwrap();
    let line = lines.iter().find(|line| line["check"] == check).unwrap();
    format!("{}: {}", line["status"].as_str().unwrap(), line["message"].as_str().unwrap())
}

#[test]
fn the_doctor_learns_from_the_server_whether_it_knows_this_monitor_and_stores_nothing() {
    let place = Place::new();
    let key = place.make_keys();
    let _server = place.start_server(&key);
    let registration = |more: &[(&'static str, &str)]| doctor_says(&place, "registration", more);
    assert!(registration(&[]).starts_with("pass: the server knows 'test-machine'"), "{}", registration(&[]));
    for check in ["server", "batches", "clock"] {
        let said = doctor_says(&place, check, &[]);
        assert!(said.starts_with("pass"), "{said}");
    }
    let unknown = registration(&[("VIBETEA_SOURCE_ID", "somebody-else")]);
    assert!(unknown.starts_with("fail: the server does not know"), "{unknown}");

    let other = place.home().join("other-keys").to_string_lossy().into_owned();
    let made = place.start("vibetea-monitor", &["init"], &[("VIBETEA_KEY_PATH", &other)]);
    assert!(made.wait(Duration::from_secs(20)).status.success());
    let wrong = registration(&[("VIBETEA_KEY_PATH", &other)]);
    assert!(wrong.starts_with("fail: the server knows 'test-machine' by another key"), "{wrong}");
    assert!(stored::events(&place.database()).unwrap().is_empty());
}
