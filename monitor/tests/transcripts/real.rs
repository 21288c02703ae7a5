//! Real transcripts against a second, plain and slow reading of them. Skipped where they are not at hand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use vibetea_monitor::privacy::RedactedEvent;
use vibetea_monitor::transcript::classify;
use vibetea_protocol::Timestamp;

use crate::harness::{MapMemory, read_with};

type Counts = BTreeMap<&'static str, usize>;

fn files() -> Option<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts/projects");
    if !root.is_dir() {
        println!("skipped: no transcripts at {}", root.display());
        return None;
    }
    let mut paths: Vec<PathBuf> = walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    Some(paths.iter().map(|path| (relative(path), std::fs::read(path).unwrap())).collect())
}

fn kind_of(event: &RedactedEvent) -> &'static str {
    let payload: Value = serde_json::from_str(&event.payload_json()).unwrap();
    let word = |field: &str| payload[field].as_str().map(str::to_owned);
    match (event.event_type().as_str(), word("status").or(word("action")).or(word("state")).as_deref()) {
        ("tool", Some("started")) => "tool started",
        ("tool", Some("completed")) => "tool completed",
        ("session", Some("started")) => "session started",
        ("session", Some("ended")) => "session ended",
        ("agent", Some("started")) => "agent started",
        ("agent", Some("completed")) => "agent completed",
        ("agent", Some("failed")) => "agent failed",
        ("activity", None) => "activity",
        ("error", None) => "error",
        ("summary", None) => "summary",
        other => panic!("unexpected event {other:?}"),
    }
}

fn count(events: &[RedactedEvent]) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        *counts.entry(kind_of(event)).or_default() += 1;
    }
    counts
}

#[test]
fn show() {
    let Some(files) = files() else { return };
    let mut memory = MapMemory::default();
    let mut all = Vec::new();
    for (path, text) in &files {
        let events = read_with(path, text, &mut memory);
        println!("{path} {:?}", count(&events));
        all.extend(events);
    }
    println!("{:?} waiting {}", count(&all), memory.waiting());
}
