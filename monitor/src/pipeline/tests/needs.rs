//! Where an event goes, by its age.

use vibetea_protocol::{Clock, Timestamp};

use super::rig::{Rig, deaf, prompt};
use crate::outbox::Destination;

/// Which destinations an event needs, live and batch, that happened so many microseconds before it was read.
fn needs(age: i64, hosted: bool) -> [bool; 2] {
    let now = Clock::System.now();
    let home = Rig::empty_home();
    let clock = Clock::fixed(now);
    let mut rig = Rig::at(&clock, home, 1, deaf, |config| config.everything_to_batch = hosted);
    let happened = Timestamp::from_micros(now.as_micros() - age).unwrap();
    rig.append("p/11111111-2222-4333-8444-555555555555.jsonl", &prompt(1, happened, "hello"));
    rig.read_all();
    let waiting = Destination::ALL.map(|destination| rig.queued(destination).len());
    assert!(waiting.iter().all(|count| [0, 2].contains(count)), "a start and a prompt: {waiting:?}");
    waiting.map(|count| count == 2)
}

#[test]
fn an_event_is_live_until_it_is_ten_minutes_old() {
    const TEN_MINUTES: i64 = 600_000_000;
    let (at_once, as_history) = ([true, false], [false, true]);
    for (age, expected) in [
        (0, at_once),
        (TEN_MINUTES - 1, at_once),
        (TEN_MINUTES, at_once),
        (TEN_MINUTES + 1, as_history),
        (TEN_MINUTES * 1000, as_history),
        // by a clock that is ahead
        (-1, at_once),
        (-TEN_MINUTES * 1000, at_once),
    ] {
        assert_eq!(needs(age, false), expected, "{age}");
        // a deployment of its own for batches gets live events as well
        assert_eq!(needs(age, true), [expected[0], true], "{age}, hosted");
    }
}
