//! What was there before the first run, and a store that was lost since.

use std::path::Path;

use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{Clock, EventType, Timestamp};

use super::super::{History, ReaderConfig};
use super::rig::{Rig, date, deaf, prompt};
use crate::heard::Log;
use crate::outbox::Destination;

const OLD: &str = "p/11111111-2222-4333-8444-555555555555.jsonl";
const NEW: &str = "p/22222222-2222-4333-8444-555555555555.jsonl";

/// The days ago when nobody wanted events yet.
const LONG_AGO: i64 = 9;

fn days_ago(days: i64) -> Timestamp {
    let at = Timestamp::from_micros(Clock::System.now().as_micros() - days * MICROS_PER_DAY).unwrap();
    at.to_string().parse().unwrap()
}

/// Which prompts are to be sent, by their number: every one is known by its time.
fn prompts_read(rig: &Rig, said: &[(u32, Timestamp)]) -> Vec<u32> {
    let queued = Destination::ALL.into_iter().flat_map(|destination| rig.queued(destination));
    let times: Vec<Timestamp> =
        queued.filter(|event| event.event_type == EventType::Activity).map(|event| event.timestamp).collect();
    said.iter().filter(|(_, at)| times.contains(at)).map(|(number, _)| *number).collect()
}

/// A first run over a file of long ago, lines that are written after it, a lost store, and a second run: the prompts
/// that are read then, and how many warnings there were. Prompts 0 and 1 stood there before the first run; 10 came
/// during it; 20, 21 and 22 came when no monitor ran, the last into a file of its own.
fn after_a_loss(history: History, harm: impl FnOnce(&Path)) -> (Vec<u32>, usize) {
    let old = [(0, days_ago(LONG_AGO)), (1, days_ago(LONG_AGO - 1))];
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("claude/projects").join(OLD);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let text: String = old.iter().map(|(number, at)| prompt(*number, *at, "hello")).collect();
    std::fs::write(&file, text).unwrap();
    date(&file, days_ago(LONG_AGO - 1));

    let config = |config: &mut ReaderConfig| config.history = history;
    let mut rig = Rig::on(home, 1, deaf, config);
    let say = |rig: &Rig, file: &str, number| {
        // no two at the same time
        let at =
            Timestamp::from_micros(Clock::System.now().as_micros() + i64::from(number) * 1_000_000).unwrap();
        let at: Timestamp = at.to_string().parse().unwrap();
        rig.append(file, &prompt(number, at, "hello"));
        (number, at)
    };
    let during = say(&rig, OLD, 10);
    rig.look_now();
    rig.read_all();
    assert_eq!(prompts_read(&rig, &old), [] as [u32; 0], "nobody wanted them");
    assert_eq!(prompts_read(&rig, &[during]), [10]);
    let mut said = old.to_vec();
    said.extend([during, say(&rig, OLD, 20), say(&rig, OLD, 21), say(&rig, NEW, 22)]);
    let home = rig.end();
    for entry in std::fs::read_dir(home.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("outbox.db") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    harm(&home.path().join("state/history-from"));
    let log = Log::default();
    let _heard = log.listen();
    let mut rig = Rig::on(home, 1, deaf, config);
    rig.read_all();
    (prompts_read(&rig, &said), log.lines("WARN"))
}

#[test]
fn what_came_after_the_first_run_is_read_again_when_the_store_is_lost() {
    for history in [History::Off, History::Days(2)] {
        assert_eq!(after_a_loss(history, |_| {}), (vec![10, 20, 21, 22], 0), "{history:?}");
    }
    assert_eq!(after_a_loss(History::Off, |note| assert!(note.is_file())).0.len(), 4);
    // planted bug: nothing but the store knows of the first run
    let forget = |note: &Path| std::fs::remove_file(note).unwrap();
    assert_eq!(after_a_loss(History::Off, forget), (vec![], 0));
}

#[test]
fn a_note_of_the_first_run_that_cannot_be_read_costs_no_line_and_is_said_once() {
    for garbled in [&b""[..], b"-7\n", b"17901\xff\xfe", b"soon\n"] {
        let harm = |note: &Path| std::fs::write(note, garbled).unwrap();
        for history in [History::Off, History::Days(2)] {
            let (read, warnings) = after_a_loss(history, harm);
            assert_eq!((read, warnings), (vec![0, 1, 10, 20, 21, 22], 1), "{history:?} {garbled:?}");
        }
    }
}
