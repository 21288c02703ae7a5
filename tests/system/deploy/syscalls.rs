//! What the unit forbids, held against what a working server asks of the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::program::loopback;
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

use super::{read, run};

/// systemd's sets of calls, as it lists them.
fn sets() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let (_, listing) = run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager"]))?;
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in listing.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()) {
        if line.starts_with('@') {
            line.trim().clone_into(&mut current);
        } else if line.starts_with(' ') {
            sets.entry(current.clone()).or_default().insert(line.trim().to_owned());
        }
    }
    Some(sets)
}

fn expanded(set: &str, sets: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let Some(members) = sets.get(set) else { return BTreeSet::from([set.to_owned()]) };
    members.iter().flat_map(|member| expanded(member, sets)).collect()
}

/// The calls that a unit lets through.
fn allowed(unit: &str, sets: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (taken, words) = line.strip_prefix('~').map_or((false, line), |words| (true, words));
        for call in words.split(' ').flat_map(|set| expanded(set, sets)) {
            if taken {
                allowed.remove(&call);
            } else {
                allowed.insert(call);
            }
        }
    }
    allowed
}

/// Every call of a server that starts, stores, answers, streams and stops; none without `strace`.
fn made() -> Option<BTreeSet<String>> {
    let place = Place::new();
    let trace = place.logs().join("trace");
    run(Command::new("strace").arg("--version"))?;
    let key = place.make_keys();
    let text = trace.display().to_string();
    let (port, keys) = (place.port.to_string(), format!("test-machine:{key}"));
    let environment = place.environment_and(&[("PORT", &port), ("VIBETEA_PUBLIC_KEYS", &keys)]);
    let mut server = vibetea_tests::program::Program::start_under(
        &["strace", "--follow-forks", "--seccomp-bpf", "--output", &text],
        "vibetea-server",
        [] as [&str; 0],
        environment,
        &place.logs(),
    );
    place.wait_ready(&mut server, Duration::from_mins(1));
    let _monitor = place.start_monitor(&[]);
    let mut session = Session::new(1, "shop");
    let mut file = Appender::open(&session.path(&place.claude()));
    for _ in 0..20 {
        file.line(&session.next_line(vibetea_protocol::Clock::System.now()).text);
    }
    until_so(Duration::from_mins(1), "events are stored", || stored::count(&place.database()) >= 20);
    for path in ["/query", "/metrics", "/api/v1/sessions", "/"] {
        answers::get(loopback(place.port), path, &bearer(TOKEN)).unwrap();
    }
    // strace is what ends; it hands the signal on to nobody, so the server is asked by its own id
    let child = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.id())).unwrap();
    let ended = Command::new("kill").arg("-TERM").arg(child.trim()).status().unwrap();
    assert!(ended.success());
    server.wait(Duration::from_mins(1));
    let lines = std::fs::read_to_string(trace).unwrap();
    // `PID name(arguments) = result`, or `PID <... name resumed> …`
    let name = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let line = line.strip_prefix("<... ").unwrap_or(line);
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        (end > 0).then(|| line[..end].to_owned())
    };
    Some(lines.lines().filter_map(name).collect())
}

#[test]
fn a_working_server_makes_no_call_that_its_unit_forbids() {
    let Some(sets) = sets() else { return };
    let Some(made) = made() else { return };
    assert!(made.contains("accept4") && made.contains("fsync") && made.len() > 30, "{made:?}");
    let forbidden = |unit: &str| {
        let allowed = allowed(unit, &sets);
        made.iter().filter(|call| !allowed.contains(*call)).cloned().collect::<Vec<_>>()
    };
    let unit = read("deploy/systemd/vibetea-server.service");
    // SQLite hands its files to the owner of the database where it runs as root, as some tests do and the unit does not
    let of_root = ["fchown"];
    let refused: Vec<String> =
        forbidden(&unit).into_iter().filter(|call| !of_root.contains(&call.as_str())).collect();
    assert_eq!(refused, Vec::<String>::new());
    // the twin: a filter that is too tight
    let tighter = unit.replace("~@privileged", "~@sync @privileged");
    assert!(forbidden(&tighter).contains(&"fsync".to_owned()));
}
