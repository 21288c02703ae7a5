//! What the log says of the history that is read.

use vibetea_protocol::{Clock, Timestamp};

use super::super::reader::Turned;
use super::rig::{Rig, deaf, prompt};
use crate::heard::Log;

/// Writes some hours-old files, reads them, lets `meanwhile` come after each turn, and reads what comes then.
fn heard(meanwhile: impl Fn(&mut Rig)) -> Log {
    let log = Log::default();
    let _heard = log.listen();
    let mut rig = Rig::new(1, deaf);
    let old = Timestamp::from_micros(Clock::System.now().as_micros() - 3_600_000_000 * 5).unwrap();
    let filler = "x".repeat(100_000);
    for file in 0..4 {
        let lines: String = (0..60).map(|number| prompt(file * 100 + number, old, &filler)).collect();
        rig.append(&format!("p/{file}.jsonl"), &lines);
    }
    while rig.reader.step(&mut rig.tail).unwrap() == Turned::Kept {
        meanwhile(&mut rig);
    }
    for number in 0..3 {
        rig.append("p/0.jsonl", &prompt(1000 + number, Clock::System.now(), "hello"));
        rig.look_now();
        rig.read_all();
    }
    log
}

#[test]
fn the_end_of_history_is_said_once_and_its_progress_now_and_then() {
    let log = heard(|_| {});
    assert_eq!((log.lines("history read"), log.lines("reading history")), (1, 0), "that was quick");
    assert_eq!(log.lines("history read files=4"), 1);
    let slow = heard(|rig| rig.reader.reports.long_ago());
    assert_eq!(slow.lines("history read"), 1);
    assert!(slow.lines("reading history files=") >= 1);
    assert_eq!(slow.lines("total_files=4"), slow.lines("reading history"));
}
