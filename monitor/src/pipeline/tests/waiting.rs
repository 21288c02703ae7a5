//! Transcripts that are deleted while their lines wait.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::rig::{Rig, deaf, prompts};

/// Lines that are said to be lost after two of three waiting files were deleted.
fn lost(counting: bool) -> u64 {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("claude/projects/p")).unwrap();
    // nothing that is history is read
    let mut rig = Rig::on(home, 1, deaf, |config| config.history_limit = 0);
    for number in 0..3 {
        let file = format!("p/{number}.jsonl");
        rig.append(&file, &prompts(number * 10, 4));
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::options().append(true).open(rig.path(&file)).unwrap().set_modified(old).unwrap();
    }
    assert_eq!(rig.read_all(), 0);
    if counting {
        rig.reader.count_unread(&mut rig.tail);
        assert_eq!(rig.health.borrow().waiting_lines, 12);
    }
    std::fs::remove_file(rig.path("p/0.jsonl")).unwrap();
    std::fs::remove_file(rig.path("p/1.jsonl")).unwrap();
    // a look at everything would come only later
    rig.look_now();
    assert_eq!(rig.read_all(), 0);
    let lost = rig.health.borrow().lost_lines;
    let kept = rig.outbox.turn(vibetea_protocol::Clock::System.now(), |turn| turn.counter("lines_lost"));
    assert_eq!(kept.unwrap(), lost);
    lost
}

#[test]
fn waiting_lines_that_go_away_are_missed_at_the_next_look() {
    assert_eq!(lost(true), 8);
    assert_eq!(lost(false), 0, "lines that nobody counted were told");
}
