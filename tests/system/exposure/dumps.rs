//! Keys in memory, and what a crash leaves on the disk.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::Program;

const DEADLINE: Duration = Duration::from_secs(20);
/// The shell's words under which a crash leaves a core dump, where the system makes any.
const DUMPING: [&str; 4] = ["sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh"];

fn abort(id: u32) {
    assert!(Command::new("kill").args(["-ABRT", &id.to_string()]).status().unwrap().success());
}

/// The twin: whether a crash of a program that does nothing against it is dumped here.
fn this_system_dumps(folder: &Path) -> bool {
    let mut child = Command::new(DUMPING[0])
        .args(&DUMPING[1..])
        .args(["sleep", "60"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // until then it is the shell
    std::thread::sleep(Duration::from_millis(200));
    abort(child.id());
    child.wait().unwrap().core_dumped()
}

fn assert_keeps_its_memory(status: ExitStatus, program: &str, folder: &Path) {
    assert_eq!(status.signal(), Some(6), "{program}: {status:?}");
    assert!(!status.core_dumped(), "{program} left a core dump");
    let left = std::fs::read_dir(folder).unwrap().filter_map(Result::ok);
    let names: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with("core")), "{program}: {names:?}");
}

#[test]
fn a_crash_leaves_no_key_in_a_core_dump() {
    let elsewhere = tempfile::tempdir().unwrap();
    if !this_system_dumps(elsewhere.path()) {
        eprintln!("skipped: this system makes no core dumps");
        return;
    }
    let place = Place::new();
    let keys = format!("{SOURCE}:{}", place.make_keys());
    let port = place.port.to_string();
    let environment = place.environment_and(&[("PORT", &port), ("VIBETEA_PUBLIC_KEYS", &keys)]);
    let mut server =
        Program::start_under(&DUMPING, "vibetea-server", [] as [&str; 0], environment, &place.logs());
    place.wait_ready(&mut server, DEADLINE);
    let monitor = place.start_monitor_under(&DUMPING, &[]);
    vibetea_tests::wait::until_so(DEADLINE, "the monitor is at work", || {
        place.state().join("outbox.db").exists()
    });
    for (program, running) in [("vibetea-monitor", monitor), ("vibetea-server", server)] {
        abort(running.id());
        assert_keeps_its_memory(running.wait(DEADLINE).status, program, &place.logs());
    }
    let up = place.environment_and(&[("PORT", &port)]);
    let up = Program::start_under(&DUMPING, "vibetea", ["up"], up, &place.logs());
    vibetea_tests::wait::until_so(DEADLINE, "the page's address is printed", || !up.stdout().is_empty());
    abort(up.id());
    assert_keeps_its_memory(up.wait(DEADLINE).status, "vibetea", &place.logs());
}

/// Another program of the same account reads neither the memory nor the variables of a running one.
#[cfg(target_os = "linux")]
#[test]
fn a_token_in_a_servers_variables_is_hidden_from_its_own_account() {
    use std::os::unix::fs::MetadataExt as _;

    const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let place = Place::new();
    let handed_over = Command::new("chown").args(["-R", "65534:65534"]).arg(place.home()).status();
    let reached = Command::new(NOBODY[0])
        .args(&NOBODY[1..])
        .arg(vibetea_tests::program::path_of("vibetea-server"))
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !handed_over.is_ok_and(|status| status.success()) || !reached.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no other account can be used here");
        return;
    }
    let owner = |id: u32| std::fs::metadata(format!("/proc/{id}/environ")).unwrap().uid();
    let mut twin = Command::new(NOBODY[0]).args(&NOBODY[1..]).args(["sleep", "60"]).spawn().unwrap();
    vibetea_tests::wait::until_so(DEADLINE, "the twin has changed its account", || owner(twin.id()) == 65534);
    twin.kill().unwrap();
    twin.wait().unwrap();
    let port = place.port.to_string();
    let environment = place.environment_and(&[("PORT", &port), ("VIBETEA_UNSAFE_NO_AUTH", "true")]);
    let mut server =
        Program::start_under(&NOBODY, "vibetea-server", [] as [&str; 0], environment, &place.logs());
    place.wait_ready(&mut server, DEADLINE);
    assert_eq!(owner(server.id()), 0);
}
