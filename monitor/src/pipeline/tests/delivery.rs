//! What reaches the outbox, and in which order.

use vibetea_protocol::timestamp::MICROS_PER_HOUR;
use vibetea_protocol::{Clock, Timestamp};

use super::super::reader::Turned;
use super::rig::{Rig, deaf, prompt, prompts};
use crate::outbox::Destination;

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_micros(Clock::System.now().as_micros() - hours * MICROS_PER_HOUR).unwrap()
}

/// Reads one turn of a long history, lets a line be written, and takes one more turn: the line is in the outbox and
/// most of the history is not read.
fn line_during_history(tell: impl Fn(&Rig)) -> Result<(), String> {
    let mut rig = Rig::new(1, deaf);
    let filler = "x".repeat(100_000);
    for file in 0..4 {
        let lines: String =
            (0..60).map(|number| prompt(file * 100 + number, hours_ago(5), &filler)).collect();
        rig.append(&format!("p/{file}.jsonl"), &lines);
    }
    assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Kept);
    let read = rig.progress.borrow().bytes;
    assert!(read > 0, "nothing was read");
    rig.append("p/live.jsonl", &prompts(9000, 1));
    tell(&rig);
    assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Kept);
    let more = rig.progress.borrow().bytes - read;
    if rig.tail.backlog().history == 0 {
        return Err("the history is over".to_owned());
    }
    match rig.queued(Destination::Live).len() {
        1 if more < 1000 => Ok(()),
        live => Err(format!("{live} live events and {more} bytes in the second turn")),
    }
}

#[test]
fn a_fresh_line_is_taken_before_the_next_part_of_history() {
    let told = |rig: &Rig| {
        let kind = notify::EventKind::Modify(notify::event::ModifyKind::Any);
        let event = notify::Event::new(kind).add_path(rig.path("p/live.jsonl"));
        rig.reader.follower.hints.hear(Ok(event));
    };
    line_during_history(told).unwrap();
    assert!(line_during_history(|_| {}).is_err(), "a reader that does not listen meanwhile was not found");
}

/// So many more events than the first file gave.
fn more_after(change: impl FnOnce(Rig) -> Rig) -> usize {
    let mut rig = Rig::new(1, deaf);
    rig.append("p/11111111-2222-4333-8444-555555555555.jsonl", &prompts(0, 20));
    rig.read_all();
    let before = rig.ids().len();
    assert_eq!(before, 21);
    let mut rig = change(rig);
    rig.look_now();
    rig.read_all();
    rig.ids().len() - before
}

const FIRST: &str = "p/11111111-2222-4333-8444-555555555555.jsonl";

#[test]
fn a_copied_transcript_and_a_resumed_session_give_nothing_twice() {
    let copied = |rig: Rig| {
        let text = std::fs::read_to_string(rig.path(FIRST)).unwrap();
        rig.append("q/11111111-2222-4333-8444-555555555555.jsonl", &text);
        // a resumed session begins with what was said before
        rig.append("p/22222222-2222-4333-8444-555555555555.jsonl", &(text + &prompts(20, 1)));
        rig
    };
    // the new session's start, and the one prompt
    assert_eq!(more_after(copied), 2);
    let named_anew = |rig: Rig| copied(rig.again(2, deaf));
    assert!(more_after(named_anew) > 2, "ids that are not derived from records were not found");
}

#[test]
fn renaming_moving_and_linking_make_no_events_and_the_file_goes_on() {
    let moved = |rig: Rig| {
        std::fs::create_dir(rig.path("q")).unwrap();
        let target = rig.path("q/11111111-2222-4333-8444-555555555555.jsonl");
        std::fs::rename(rig.path(FIRST), &target).unwrap();
        std::fs::hard_link(&target, rig.path("q/link.jsonl")).unwrap();
        rig.append("q/11111111-2222-4333-8444-555555555555.jsonl", &prompts(20, 3));
        rig
    };
    assert_eq!(more_after(moved), 3);
}

#[test]
fn a_restart_reads_on_where_the_last_one_stopped() {
    let restarted = |rig: Rig| {
        rig.append(FIRST, &prompts(20, 3));
        rig.again(1, deaf)
    };
    assert_eq!(more_after(restarted), 3);
}
