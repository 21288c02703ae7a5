//! What the server asks of the kernel between a batch and its answer: the log is on the disk before anybody is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use vibetea_testkit::lack::can_trace;
use vibetea_tests::wait::until_so;

use super::site::{LONG, Site};

const BATCHES: u64 = 20;
/// How an answer begins that acknowledges.
const TAKEN: &str = "\"HTTP/1.1 2";

/// Whether before each answer that acknowledges there was something in the log, and a finished wait for the disk behind
/// the last of it. For a sender that waits for each answer: with several the next batch may be on its way already.
/// How many such answers there were after the first, which is of whether the server is ready.
fn check(trace: &str) -> Result<usize, String> {
    let (mut writes, mut synced, mut answered) = (0, 0, 0);
    let mut waiting = HashMap::new();
    let mut answers = 0;
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let is_of_log = call.contains("-wal>");
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        let is_end_of_sync =
            call.starts_with("<... fsync resumed>") || call.starts_with("<... fdatasync resumed>");
        if is_of_log && call.starts_with("pwrite64(") {
            writes += 1;
        } else if is_of_log && is_sync && call.ends_with("= 0") {
            synced = writes;
        } else if is_of_log && is_sync && call.ends_with("<unfinished ...>") {
            waiting.insert(thread, writes);
        } else if is_end_of_sync {
            // what was written after it began may not be on the disk
            let began = waiting.remove(thread).filter(|_| call.ends_with("= 0"));
            synced = began.unwrap_or(synced);
        } else if call.contains(TAKEN) {
            if answers > 0 && (synced != writes || writes == answered) {
                return Err(format!(
                    "answer {answers} was sent after {writes} writes, of which {synced} are on the disk and \
                     {answered} were of earlier answers"
                ));
            }
            (answered, answers) = (writes, answers + 1);
        }
    }
    Ok(answers - 1)
}

/// What a server asks of the kernel that takes batches one after the other.
fn trace() -> String {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on(folder.path().join("data"));
    let file = site.home().join("trace");
    let name = file.to_string_lossy();
    let calls = "trace=pwrite64,fsync,fdatasync,sendto,sendmsg,write,writev";
    let wrapper = ["strace", "-D", "-f", "-qq", "-y", "-o", &name, "-e", calls];
    let mut server = site.start_under(&wrapper).unwrap_or_else(|what| panic!("{what}"));
    for batch in 0..BATCHES {
        let path = if batch.is_multiple_of(2) { "/ingest" } else { "/events" };
        let answer = site.post(path, batch * 30..batch * 30 + 30).expect("an answer");
        assert!(answer.status < 300, "{answer:?}");
    }
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    until_so(LONG, "the trace has every answer", || read().matches(TAKEN).count() as u64 > BATCHES);
    server.kill();
    read()
}

/// The trace of a server that answers one batch without having waited for the disk.
fn without_a_sync(trace: &str) -> String {
    let lines: Vec<&str> = trace.lines().collect();
    let answers: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].contains(TAKEN)).collect();
    let (from, to) = (answers[9], answers[10]);
    let is_kept = |(at, line): &(usize, &str)| !(from..to).contains(at) || !line.contains("sync");
    lines.into_iter().enumerate().filter(is_kept).map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_batch_is_on_the_disk_before_its_answer_is_sent() {
    if !can_trace() {
        return;
    }
    // what servers note besides, every fifteen seconds, is in the same log
    let trace = (0..5).find_map(|_| {
        let begun = Instant::now();
        Some(trace()).filter(|_| begun.elapsed() < Duration::from_secs(12))
    });
    let trace = trace.expect("a server takes twenty batches in twelve seconds");
    let checked = check(&trace).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(checked as u64, BATCHES);
    // the twin: one answer does not wait
    let what = check(&without_a_sync(&trace)).expect_err("an answer came too early");
    assert!(what.starts_with("answer 10 "), "{what}");
}
