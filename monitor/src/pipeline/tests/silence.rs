//! Sessions that end because nothing comes any more.

use std::collections::BTreeSet;
use std::time::Instant;

use vibetea_protocol::{Clock, EventType, Timestamp};

use super::rig::{Rig, deaf, prompt};
use crate::outbox::Destination;

const FILE: &str = "p/11111111-2222-4333-8444-555555555555.jsonl";

/// A reader whose clock a test moves.
struct Watched {
    clock: Clock,
    rig: Rig,
}

impl Watched {
    fn on(clock: Clock, home: tempfile::TempDir) -> Self {
        Self { rig: Rig::at(&clock, home, 1, deaf, |_| {}), clock }
    }

    fn say(&mut self, number: u32) {
        self.rig.append(FILE, &prompt(number, self.clock.now(), "hello"));
        self.rig.look_now();
        self.rig.read_all();
    }

    /// Lets so many minutes pass, and the looks that come in them.
    fn pass(&mut self, minutes: i64) {
        let now = self.clock.now().as_micros() + minutes * 60_000_000;
        self.clock.set(Timestamp::from_micros(now).unwrap());
        for _ in 0..3 {
            self.rig.reader.next_silence = Instant::now();
            self.rig.read_all();
        }
    }

    /// The ids of the ends that wait.
    fn ends(&self) -> BTreeSet<String> {
        let waiting = Destination::ALL.into_iter().flat_map(|destination| self.rig.queued(destination));
        let ends = waiting
            .filter(|event| event.event_type == EventType::Session && event.payload.contains("\"ended\""));
        ends.map(|event| event.id.to_string()).collect()
    }

    /// Everything that waits is delivered.
    fn deliver(&self) {
        for destination in Destination::ALL {
            let seqs: Vec<i64> = self.rig.queued(destination).iter().map(|event| event.seq).collect();
            self.rig.outbox.acknowledge(destination, &seqs, false).unwrap();
        }
    }
}

/// A session that is silent for half an hour, goes on and is silent again; what is wrong with how it ends.
fn fall_silent(plant: impl Fn(&Rig)) -> Result<(), String> {
    let mut watched = Watched::on(Clock::fixed(Clock::System.now()), Rig::empty_home());
    let expect = |what: &str, found: &BTreeSet<String>, ends: usize| match found.len() {
        count if count == ends => Ok(()),
        count => Err(format!("{what}: {count} ends")),
    };
    watched.say(1);
    watched.say(2);
    watched.pass(29);
    expect("after 29 minutes", &watched.ends(), 0)?;
    plant(&watched.rig);
    watched.pass(2);
    let first = watched.ends();
    expect("after 31 minutes", &first, 1)?;
    watched.pass(1);
    expect("a minute later", &watched.ends(), 1)?;
    watched.deliver();
    watched.say(3);
    expect("when it went on", &watched.ends(), 0)?;
    watched.pass(31);
    let second = watched.ends();
    expect("in the end", &second, 1)?;
    watched.deliver();
    watched.pass(60);
    expect("for good", &watched.ends(), 0)?;

    // a second reading names both ends as they were named
    watched.rig.outbox.note_asked(7).unwrap();
    watched.pass(0);
    let both: BTreeSet<String> = first.union(&second).cloned().collect();
    if both.len() != 2 || watched.ends() != both {
        return Err(format!("the second reading names {:?}, the first {both:?}", watched.ends()));
    }

    // and so does a reader that only sees the first end by the record after it
    let late = Watched::on(watched.clock.clone(), Rig::empty_home());
    let text = std::fs::read_to_string(watched.rig.path(FILE)).unwrap();
    late.rig.append(FILE, &text);
    let mut late = late;
    late.rig.look_now();
    late.rig.read_all();
    if !late.ends().is_superset(&first) {
        return Err(format!("by a late record {:?}, by silence {first:?}", late.ends()));
    }
    Ok(())
}

#[test]
fn a_session_ends_once_after_each_silence_however_that_is_noticed() {
    fall_silent(|_| {}).unwrap();
}

/// Planted bug: nobody looks at a file that has become still.
#[test]
fn a_reader_that_never_looks_at_the_silence_is_seen_by_the_check() {
    let look_away = |rig: &Rig| {
        let store = rusqlite::Connection::open(rig.outbox.state_dir().join("outbox.db")).unwrap();
        assert_eq!(store.execute("UPDATE file SET settled = 1", []).unwrap(), 1);
    };
    assert_eq!(fall_silent(look_away).unwrap_err(), "after 31 minutes: 0 ends");
}
