//! More connections than the system has descriptors for.

use std::net::TcpStream;
use std::time::Duration;

use vibetea_tests::answers;
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::wait::until;

const DESCRIPTORS: usize = 256;
const LOOKS: usize = 100;

/// Whether any thread of a process has something to do at this moment, whether it gets a processor or not.
fn has_work(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    threads.filter_map(Result::ok).any(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
    })
}

/// Whether a process is busy while nothing is asked of it.
fn spins(id: u32) -> bool {
    let look = |_: &usize| {
        std::thread::sleep(Duration::from_millis(20));
        has_work(id)
    };
    (0..LOOKS).filter(look).count() > LOOKS / 2
}

#[test]
fn more_connections_than_descriptors_leave_a_server_that_answers_and_stores() {
    let place = Place::new();
    let key = place.make_keys();
    let keys = format!("{SOURCE}:{key}");
    let port = place.port.to_string();
    let environment = place.environment_and(&[("PORT", &port), ("VIBETEA_PUBLIC_KEYS", &keys)]);
    let limited = format!("ulimit -n {DESCRIPTORS}; exec \"$@\"");
    let wrapper = ["sh", "-c", limited.as_str(), "sh"];
    let mut server =
        Program::start_under(&wrapper, "vibetea-server", [] as [&str; 0], environment, &place.logs());
    place.wait_ready(&mut server, Duration::from_secs(30));
    assert!(server.stderr().contains("LimitNOFILE"), "{}", server.stderr());
    let address = loopback(place.port);
    let mut crowd = Vec::new();
    for _ in 0..3 * DESCRIPTORS {
        crowd.push(TcpStream::connect(address).unwrap());
    }
    until(Duration::from_secs(10), "an honest request is answered", || {
        answers::get(address, "/livez", &[]).filter(|answer| answer.status == 200)
    });
    let readyz = answers::get(address, "/readyz", &[]).unwrap();
    assert_eq!(readyz.status, 200, "the store has the files it needs: {readyz:?}");
    match std::fs::read_dir(format!("/proc/{}/fd", server.id())) {
        Ok(open) => assert!(open.count() < DESCRIPTORS),
        Err(error) => {
            eprintln!("skipped in part: the server's descriptors are the administrator's to see: {error}");
        }
    }
    assert!(!spins(server.id()), "the server is busy with nothing");
    assert!(!server.stderr().contains("cannot accept"), "{}", server.stderr());
    drop(crowd);
    assert_eq!(answers::get(address, "/livez", &[]).unwrap().status, 200);
}

/// The twin: a process that is busy with nothing is seen.
#[test]
fn a_process_that_spins_is_seen_by_the_check() {
    let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
    let seen = spins(busy.id());
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert!(seen);
}
