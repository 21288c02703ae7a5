//! File events that do not come, and what looking costs instead.

use std::path::Path;
use std::time::Duration;

use super::super::follow::scan_pause;
use super::super::{Following, ReaderConfig};
use super::rig::{Deaf, Rig, deaf, prompts};
use crate::heard::Log;
use crate::tail::watch::{Hints, Watch};

fn exhausted(_: &Path, _: &Hints) -> (Option<Box<dyn Watch>>, notify::Result<()>) {
    (Some(Box::new(Deaf)), Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)))
}

type Start = fn(&Path, &Hints) -> (Option<Box<dyn Watch>>, notify::Result<()>);

fn without_watches(start: Start) -> Result<(), String> {
    let log = Log::default();
    let _heard = log.listen();
    let mut rig = Rig::new(1, start);
    for turn in 0..5 {
        rig.append(&format!("p/{turn}.jsonl"), &prompts(turn * 10, 4));
        rig.look_now();
        rig.read_all();
    }
    if rig.ids().len() < 5 * 4 {
        return Err(format!("{} events", rig.ids().len()));
    }
    let health = *rig.health.borrow();
    if !(health.is_degraded() && health.following == Following::Polling) {
        return Err(format!("{health:?}"));
    }
    match log.lines("WARN") {
        1 => Ok(()),
        warnings => Err(format!("{warnings} warnings")),
    }
}

#[test]
fn without_watches_the_reader_polls_says_so_once_and_loses_nothing() {
    without_watches(exhausted).unwrap();
    assert!(without_watches(deaf).is_err(), "a reader that does not say so was not found");
}

/// Looks at files and folders in an hour in which nothing happens, with nothing that changed in the last hour.
fn looks_per_hour(files: u64, projects: u64, pause: Duration, config: &ReaderConfig) -> u64 {
    let hour = Duration::from_hours(1);
    let times = |pause: Duration| u64::try_from(hour.as_micros() / pause.as_micros()).unwrap();
    times(pause) * (files + projects) + times(config.rescan) * projects
}

/// A look takes some two microseconds; a tenth of a percent of a core is 3.6 seconds of an hour.
fn costs_next_to_nothing(looks: u64) -> bool {
    Duration::from_micros(5) * u32::try_from(looks).unwrap() < Duration::from_millis(3600)
}

#[test]
fn looking_at_fifteen_thousand_still_files_costs_less_than_a_tenth_of_a_percent() {
    let config = ReaderConfig::new("claude".into());
    let pause = scan_pause(&config, 15_000, false);
    assert!(pause <= Duration::from_mins(5), "{pause:?}");
    assert!(costs_next_to_nothing(looks_per_hour(15_000, 100, pause, &config)));
    let always = looks_per_hour(15_000, 100, config.rescan, &config);
    assert!(!costs_next_to_nothing(always), "a look at everything every time was not found");
}

#[test]
fn few_files_are_all_looked_at_every_time() {
    let config = ReaderConfig::new("claude".into());
    assert_eq!(scan_pause(&config, 500, false), config.rescan);
    assert_eq!(scan_pause(&config, 500, true), config.poll);
}

/// Everything by looks alone: new files and folders, and files that go on.
#[test]
fn a_watch_that_hears_nothing_delays_lines_by_one_look_at_most() {
    let mut rig = Rig::new(1, deaf);
    rig.append("p/0.jsonl", &prompts(0, 1));
    rig.read_all();
    for number in 1..50 {
        rig.append(&format!("new-{number}/{number}.jsonl"), &prompts(number * 10, 1));
        rig.append("p/0.jsonl", &prompts(number * 10 + 1, 1));
    }
    assert_eq!(rig.read_all(), 0);
    rig.look_now();
    rig.read_all();
    let prompts_read = rig.queued(crate::outbox::Destination::Live).len();
    // each file is a session with a start of its own; they have one session's id in their records
    assert_eq!(prompts_read, 1 + 1 + 49 * 2);
}
