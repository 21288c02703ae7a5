//! Nothing of a transcript's text gets out: neither in events nor in what is kept beside them.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::harness::{MapMemory, Reader, SESSION, interpreter, is_soak, main_file};
use crate::sown::{Canaries, Made};
use crate::traces::traces;

/// Everything that comes out of reading the lines: events, state, memory, outcomes.
fn read(path: &str, lines: &[Value]) -> String {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let mut reader = Reader::new(&interpreter, path);
    let mut out = String::new();
    for line in lines {
        let line = line.to_string();
        // a line that is cut gives nothing of itself either
        for taken in [&line.as_bytes()[..line.len() / 2], line.as_bytes()] {
            for event in reader.line(taken, &mut memory) {
                writeln!(out, "{} {} {event:?}", event.id(), event.payload_json()).unwrap();
            }
            writeln!(out, "{}", serde_json::to_string(&reader.state).unwrap()).unwrap();
        }
    }
    format!("{out}{:?}\n{}", reader.outcomes, memory.dump())
}

/// What a careless monitor would send: names of tools as they are, and a basename from any argument.
fn read_carelessly(path: &str, lines: &[Value]) -> String {
    let careless = |line: &Value| {
        let block = &line["message"]["content"][0];
        let argument = block["input"]["path"].as_str()?.rsplit('/').nth(1)?.to_owned();
        Some(json!({"tool": block["name"], "context": argument}).to_string())
    };
    read(path, lines) + &lines.iter().filter_map(careless).collect::<String>()
}

fn paths() -> [String; 3] {
    [main_file(), "slug/short.jsonl".to_owned(), format!("slug/{SESSION}/subagents/agent-a5bdbc1.jsonl")]
}

#[test]
fn no_canary_gets_out() {
    for seed in 1..=3 {
        for path in paths() {
            let mut canaries = Canaries::new(seed);
            let lines = canaries.transcript();
            let out = read(&path, &lines);
            assert!(
                out.contains("plain.rs") && out.contains(r#""tool":"mcp""#),
                "the transcript was understood"
            );
            assert_eq!(traces(&canaries.words, out.as_bytes()), [], "seed {seed}, {path}:\n{out}");
        }
    }
}

#[test]
fn the_check_for_canaries_finds_a_leak() {
    let mut canaries = Canaries::new(1);
    let lines = canaries.transcript();
    assert_ne!(traces(&canaries.words, read_carelessly(&main_file(), &lines).as_bytes()), []);
}

/// The same lines with the ids that tell records and calls apart; all other text stays another's.
fn with_ids_of(lines: &[Value], other: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for (line, other) in lines.iter_mut().zip(other) {
        for field in ["uuid", "leafUuid"] {
            if !other[field].is_null() {
                line[field] = other[field].clone();
            }
        }
        let blocks = line["message"]["content"].as_array_mut().into_iter().flatten();
        for (block, other) in blocks.zip(other["message"]["content"].as_array().into_iter().flatten()) {
            for field in ["id", "tool_use_id"] {
                if !other[field].is_null() {
                    block[field] = other[field].clone();
                }
            }
        }
    }
    lines
}

/// Events alone: what would go over the wire.
fn sent(lines: &[Value]) -> Vec<String> {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    let events = lines.iter().flat_map(|line| reader.line(line.to_string().as_bytes(), &mut memory));
    events.map(|event| format!("{} {} {}", event.id(), event.timestamp(), event.payload_json())).collect()
}

/// A second transcript that differs from the first in what is nobody's business alone.
pub(crate) fn pair(made: Made, seeds: (u64, u64)) -> (Vec<Value>, Vec<Value>) {
    let one = Canaries::of(made, seeds.0).transcript();
    let other = with_ids_of(&Canaries::of(made, seeds.1).transcript(), &one);
    (one, other)
}

proptest! {
#![proptest_config(ProptestConfig {
        cases: if is_soak() { 10_000 } else { 200 },
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn transcripts_that_differ_in_text_alone_send_the_same(one in any::<u64>(), other in any::<u64>()) {
        let (one, other) = pair(Made::OfAnything, (one, other));
        let traffic = sent(&one);
        prop_assert!(traffic.len() > 20, "the transcript was understood");
        prop_assert_eq!(traffic, sent(&other));
    }
}

#[test]
fn the_check_for_equal_traffic_finds_a_difference() {
    let (one, other) = pair(Made::OfAnything, (1, 2));
    assert_ne!(one, other);
    assert_ne!(read_carelessly(&main_file(), &one), read_carelessly(&main_file(), &other));
    let mut tool = one.clone();
    tool[4]["message"]["content"][0]["name"] = json!("Write");
    assert_ne!(sent(&one), sent(&tool), "what may leave does make a difference");
}

#[test]
fn every_shape_is_among_the_canaries() {
    let lines = Canaries::new(1).transcript();
    let kinds: Map<String, Value> =
        lines.iter().filter_map(|line| Some((line["type"].as_str()?.to_owned(), json!(1)))).collect();
    for kind in ["user", "assistant", "system", "progress", "summary", "queue-operation", "attachment"] {
        assert!(kinds.contains_key(kind), "{kind}");
    }
}
