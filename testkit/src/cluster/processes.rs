//! Processes by their ids.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, then its children.
pub(super) fn with_children(parent: u32) -> Vec<u32> {
    let children = all().into_iter().filter(|process| process.parent == parent).map(|process| process.id);
    std::iter::once(parent).chain(children).collect()
}

struct Process {
    id: u32,
    parent: u32,
}

/// Every process of the machine that has not ended; some have ended and wait for somebody to ask how.
fn all() -> Vec<Process> {
    let columns = ["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="];
    let output = Command::new("ps").args(columns).output().expect("`ps` exists");
    let text = String::from_utf8_lossy(&output.stdout);
    let processes = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (id, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().filter(|state| !state.starts_with('Z')).map(|_| Process { id, parent })
    });
    processes.collect()
}

/// Sends a signal to those that are still there.
pub(super) fn signal(processes: &[u32], signal: Signal) {
    let ids = processes.iter().filter_map(|id| Pid::from_raw(i32::try_from(*id).ok()?));
    for process in ids {
        // it may just have ended
        let _ = kill_process(process, signal);
    }
}

/// Waits until none is left.
pub(super) fn wait_for_end(processes: &[u32]) {
    let start = Instant::now();
    while all().iter().any(|process| processes.contains(&process.id)) {
        assert!(start.elapsed() < Duration::from_secs(30), "PostgreSQL does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}
