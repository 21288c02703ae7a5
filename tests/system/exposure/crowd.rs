//! More connections than the system has descriptors for.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use vibetea_tests::answers;
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::{Program, loopback};
use vibetea_tests::wait::until;

const DESCRIPTORS: usize = 256;
const WATCHED: Duration = Duration::from_secs(2);

/// Processor time that a process has used.
fn used(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks =
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// Whether a process is busy while nothing is asked of it.
fn spins(id: u32) -> bool {
    let (before, begun) = (used(id), Instant::now());
    std::thread::sleep(WATCHED);
    used(id).saturating_sub(before) * 2 > begun.elapsed()
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
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    assert!(open < DESCRIPTORS, "{open} descriptors");
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
    assert!(seen || std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1));
}
