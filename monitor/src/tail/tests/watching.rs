//! File events that are lost, as the system loses them.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::super::testing::{Desk, Planted, now};
use super::super::watch::{Hints, Said};

const WRITES: usize = 40_000;

/// Reads what comes when the watch's handler stands still while more is written than the system keeps events of.
fn overflow(hear: fn(&Hints, notify::Result<Event>)) -> Result<(), String> {
    let mut desk = Desk::new(Planted::Nothing);
    let open = |name: String| {
        desk.append(&name, "");
        OpenOptions::new().append(true).open(desk.path(&name)).unwrap()
    };
    let early: Vec<File> = (0..8).map(|number| open(format!("p/early-{number}.jsonl"))).collect();
    let late: Vec<File> = (0..8).map(|number| open(format!("p/late-{number}.jsonl"))).collect();
    desk.read_all();
    let hints = Hints::default();
    let gate = Arc::new(Mutex::new(()));
    let (opened, heard) = (Arc::clone(&gate), hints.clone());
    let handler = move |said: notify::Result<Event>| {
        drop(opened.lock().unwrap());
        hear(&heard, said);
    };
    let mut watcher = RecommendedWatcher::new(handler, notify::Config::default()).unwrap();
    watcher.watch(desk.root(), RecursiveMode::Recursive).unwrap();
    let closed = gate.lock().unwrap();
    let mut lines = Vec::new();
    for number in 0..WRITES {
        let group = if number < WRITES * 3 / 4 { &early } else { &late };
        // the system folds what is said twice in a row
        writeln!(&group[number % 8], "{number}").unwrap();
        lines.push(number.to_string());
    }
    drop(closed);
    let said = everything_said(&desk, &hints);
    if said.rescan {
        desk.tail.scan(now());
    } else {
        said.paths.iter().for_each(|path| desk.tail.look(path, now()));
    }
    desk.drain();
    desk.delivered.retain(|line| line != "last");
    desk.expect(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What has been said when the newest event was heard, or that something was lost.
fn everything_said(desk: &Desk, hints: &Hints) -> Said {
    let last = desk.path("p/last.jsonl");
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut said = Said::default();
    while !said.paths.contains(&last) && !said.rescan {
        assert!(Instant::now() < deadline, "nothing was heard");
        desk.append("p/last.jsonl", "last\n");
        std::thread::sleep(Duration::from_millis(5));
        let more = hints.take();
        said.paths.extend(more.paths);
        said.rescan |= more.rescan;
    }
    said
}

#[test]
fn every_line_comes_though_the_system_dropped_events() {
    overflow(Hints::hear).unwrap();
    let by_path_alone = |hints: &Hints, said: notify::Result<Event>| {
        for path in said.map(|event| event.paths).unwrap_or_default() {
            let kind = notify::EventKind::Modify(notify::event::ModifyKind::Any);
            hints.hear(Ok(Event::new(kind).add_path(path)));
        }
    };
    assert!(overflow(by_path_alone).is_err(), "a reader that looks for the mark among paths was not found");
}
