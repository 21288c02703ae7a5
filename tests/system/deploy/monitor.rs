//! The monitor's unit under `deploy/` and the one that `vibetea-monitor service install` writes.

use std::process::Command;

use vibetea_tests::place::Place;
use vibetea_tests::program::path_of;

use super::read;

/// The agent for launchd is compared where it is written, in the monitor.
#[test]
fn the_unit_is_the_one_that_the_monitor_writes() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let place = Place::new();
    let program = path_of("vibetea-monitor");
    let printed = Command::new(&program)
        .args(["service", "install", "--print"])
        .env_clear()
        .env("HOME", place.home())
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let for_everybody = printed
        .replace(&program.display().to_string(), "%h/.local/bin/vibetea-monitor")
        .replace(&place.home().display().to_string(), "%h");
    let unit: Vec<&str> = for_everybody.lines().filter(|line| !line.contains("checksum")).collect();
    let kept = read("deploy/systemd/user/vibetea-monitor.service");
    assert_eq!(kept.lines().collect::<Vec<_>>(), unit);
}
