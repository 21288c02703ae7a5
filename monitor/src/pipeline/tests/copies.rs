//! Copies that carry new times, as transcripts from before version 2 of the agent do where a session was resumed.

use std::collections::BTreeSet;

use vibetea_protocol::timestamp::MICROS_PER_HOUR;
use vibetea_protocol::{Clock, Timestamp};

use super::rig::{Rig, date, deaf, prompt};

const ORIGINAL: &str = "p/11111111-2222-4333-8444-555555555555.jsonl";
const RESUMED: &str = "p/22222222-2222-4333-8444-555555555555.jsonl";
const PROMPTS: u32 = 5;

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_micros(Clock::System.now().as_micros() - hours * MICROS_PER_HOUR).unwrap()
}

/// Prompts of the original, said at this time, when the file was closed too.
fn write(rig: &Rig, file: &str, said: Timestamp) {
    let lines: String = (0..PROMPTS).map(|number| prompt(number, said, "hello")).collect();
    rig.append(file, &lines);
    date(&rig.path(file), said);
}

fn ids(rig: &Rig) -> BTreeSet<String> {
    rig.ids().into_iter().collect()
}

/// Today's limit, which `ARCHITECTURE.md` states: a prompt is one event in every installation, but one that meets the
/// copy first, as history is read from its newest session on, names it by the copy's hour.
#[test]
fn a_copy_with_new_times_adds_nothing_but_may_name_the_events_where_it_is_read_first() {
    let mut rig = Rig::new(1, deaf);
    write(&rig, ORIGINAL, hours_ago(9));
    rig.look_now();
    rig.read_all();
    let original = ids(&rig);
    write(&rig, RESUMED, hours_ago(5));
    rig.look_now();
    rig.read_all();
    let first = ids(&rig);
    assert!(first.is_superset(&original));
    // beside the prompts the start and the end of each session
    assert_eq!((original.len(), first.len()), (PROMPTS as usize + 2, PROMPTS as usize + 4));

    let home = rig.end();
    std::fs::remove_dir_all(home.path().join("state")).unwrap();
    let mut rig = Rig::on(home, 1, deaf, |_| {});
    rig.read_all();
    let second = ids(&rig);
    assert_eq!(second.len(), first.len(), "nothing twice here either");
    assert_eq!(first.difference(&second).count(), PROMPTS as usize, "the prompts, by another hour");
}
