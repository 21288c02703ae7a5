//! The second reading that a server asks for.

use std::collections::BTreeSet;

use vibetea_protocol::timestamp::MICROS_PER_HOUR;
use vibetea_protocol::{Clock, Timestamp};

use super::super::History;
use super::super::reader::Turned;
use super::rig::{Rig, deaf, prompt, prompts};
use crate::outbox::Destination;

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_micros(Clock::System.now().as_micros() - hours * MICROS_PER_HOUR).unwrap()
}

/// So many files with so many old prompts each.
fn write(rig: &Rig, files: u32, lines: u32, filler: &str) {
    for file in 0..files {
        let text: String = (0..lines).map(|line| prompt(file * 1000 + line, hours_ago(5), filler)).collect();
        rig.append(&format!("p/{file:08x}-2222-4333-8444-555555555555.jsonl"), &text);
    }
}

/// A deployment of its own for batches had what is fresh, lost it and asks for it, while the live server is away; how many
/// events wait for each of the two in the end.
fn asked_while_the_live_server_is_away(plant: impl FnOnce(&Rig)) -> [usize; 2] {
    let mut rig = Rig::on(Rig::empty_home(), 1, deaf, |config| config.everything_to_batch = true);
    rig.append("p/11111111-2222-4333-8444-555555555555.jsonl", &prompts(0, 20));
    rig.look_now();
    rig.read_all();
    let seqs: Vec<i64> = rig.queued(Destination::Batch).iter().map(|event| event.seq).collect();
    rig.outbox.acknowledge(Destination::Batch, &seqs, false).unwrap();
    plant(&rig);
    rig.outbox.note_asked(7).unwrap();
    rig.read_all();
    assert!(!rig.outbox.question().is_open());
    Destination::ALL.map(|destination| rig.queued(destination).len())
}

#[test]
fn what_waits_for_one_server_goes_again_to_the_other_that_asks() {
    assert_eq!(asked_while_the_live_server_is_away(|_| {}), [21, 21]);
}

/// Planted bug: a store that keeps a waiting event as it is, whoever needs it now.
#[test]
fn a_store_that_takes_no_new_need_is_seen_by_the_check() {
    let deaf_to_needs = |rig: &Rig| {
        let store = rusqlite::Connection::open(rig.outbox.state_dir().join("outbox.db")).unwrap();
        let trigger = "CREATE TRIGGER as_it_is BEFORE UPDATE OF batch ON outbox WHEN new.batch > old.batch
                       BEGIN SELECT raise(IGNORE); END";
        store.execute_batch(trigger).unwrap();
    };
    assert_eq!(asked_while_the_live_server_is_away(deaf_to_needs), [21, 0]);
}

/// Everything that waits is delivered; its ids.
fn deliver(rig: &Rig) -> Vec<String> {
    let ids = rig.ids();
    for destination in Destination::ALL {
        let seqs: Vec<i64> = rig.queued(destination).iter().map(|event| event.seq).collect();
        rig.outbox.acknowledge(destination, &seqs, false).unwrap();
    }
    assert_eq!(rig.ids(), [] as [String; 0]);
    ids
}

fn first_reading(files: u32, lines: u32) -> (Rig, Vec<String>) {
    let mut rig = Rig::new(1, deaf);
    write(&rig, files, lines, "hello");
    rig.read_all();
    let first = deliver(&rig);
    assert!(first.len() as u64 >= u64::from(files * lines), "{}", first.len());
    (rig, first)
}

#[test]
fn every_event_comes_once_more_with_its_id_and_then_no_more() {
    let (mut rig, first) = first_reading(5, 30);
    assert_eq!(rig.read_all(), 0);
    rig.outbox.note_asked(7).unwrap();
    rig.read_all();
    assert_eq!(deliver(&rig), first);
    assert!(!rig.outbox.question().is_open());
    assert!(!rig.outbox.state_dir().join("history-again").exists());
    assert_eq!(rig.read_all(), 0);
    // the same question again is none, another one is
    rig.outbox.note_asked(7).unwrap();
    assert_eq!(rig.read_all(), 0);
    rig.outbox.note_asked(8).unwrap();
    rig.read_all();
    assert_eq!(deliver(&rig), first);
}

/// Planted bug: the second reading remembers what the first has seen.
#[test]
fn a_reading_with_the_memory_of_the_first_is_seen_by_the_check() {
    let (mut rig, first) = first_reading(5, 30);
    let state = rig.outbox.state_dir().to_owned();
    std::fs::create_dir(state.join("history-again")).unwrap();
    let copy = format!("VACUUM INTO '{}'", state.join("history-again/outbox.db").display());
    rusqlite::Connection::open(state.join("outbox.db")).unwrap().execute_batch(&copy).unwrap();
    rig.outbox.note_asked(7).unwrap();
    rig.read_all();
    assert_ne!(rig.ids(), first);
}

#[test]
fn a_reading_that_is_cut_off_goes_on_where_it_was() {
    let (mut rig, first) = first_reading(40, 30);
    rig.outbox.note_asked(7).unwrap();
    let (mut all, mut read) = (BTreeSet::new(), 0);
    for _ in 0..5 {
        for _ in 0..6 {
            assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Kept);
            read += 1;
        }
        all.extend(deliver(&rig));
        rig = rig.again(1, deaf);
    }
    while rig.outbox.question().is_open() {
        rig.reader.step(&mut rig.tail).unwrap();
        read += 1;
        all.extend(deliver(&rig));
    }
    assert_eq!(all.into_iter().collect::<Vec<_>>(), first);
    assert!(read < 40 + 30, "it begins anew each time: {read} turns");
}

#[test]
fn a_reading_for_an_older_question_is_given_up_for_the_newest() {
    let (mut rig, first) = first_reading(10, 30);
    rig.outbox.note_asked(7).unwrap();
    for _ in 0..4 {
        rig.reader.step(&mut rig.tail).unwrap();
    }
    // the server was lost once more: what was sent until now went with it
    deliver(&rig);
    rig.outbox.note_asked(8).unwrap();
    let mut rig = rig.again(1, deaf);
    rig.read_all();
    assert_eq!(deliver(&rig), first);
    assert_eq!(rig.outbox.question().done, 8);
}

#[test]
fn a_fresh_line_does_not_wait_for_the_second_reading() {
    let mut rig = Rig::new(1, deaf);
    write(&rig, 4, 60, &"x".repeat(50_000));
    rig.read_all();
    deliver(&rig);
    rig.outbox.note_asked(7).unwrap();
    assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Kept);
    rig.append("p/live.jsonl", &prompts(9000, 1));
    rig.look_now();
    assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Kept);
    assert_eq!(rig.queued(Destination::Live).len(), 2, "a session's start and its first prompt");
    assert!(rig.outbox.question().is_open(), "the second reading was over before");
}

#[test]
fn what_nobody_wanted_at_first_is_not_sent_now() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("claude/projects/p")).unwrap();
    let old = home.path().join("claude/projects/p/old.jsonl");
    std::fs::write(old, (0..20).map(|number| prompt(number, hours_ago(5), "hello")).collect::<String>())
        .unwrap();
    let mut rig = Rig::on(home, 1, deaf, |config| config.history = History::Off);
    rig.append("p/new.jsonl", &prompts(100, 3));
    rig.look_now();
    rig.read_all();
    let first = deliver(&rig);
    assert_eq!(first.len(), 4);
    rig.outbox.note_asked(7).unwrap();
    rig.read_all();
    assert_eq!(deliver(&rig), first);
}

#[test]
fn a_folder_that_is_away_is_waited_for() {
    let (mut rig, first) = first_reading(3, 10);
    let here = rig.tail.root().to_owned();
    let away = here.with_file_name("away");
    std::fs::rename(&here, &away).unwrap();
    rig.outbox.note_asked(7).unwrap();
    assert_eq!(rig.reader.step(&mut rig.tail).unwrap(), Turned::Nothing);
    assert!(rig.outbox.question().is_open());
    std::fs::rename(&away, &here).unwrap();
    rig.look_now();
    rig.read_all();
    assert_eq!(deliver(&rig), first);
}
