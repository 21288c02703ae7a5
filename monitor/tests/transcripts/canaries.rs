//! Nothing of a transcript's text gets out: neither in events nor in what is kept beside them.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;

use crate::harness::{MapMemory, Reader, SESSION, interpreter, is_soak, main_file, subagents};
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

/// The files of a session with a subagent, by their paths.
fn files(lines: &[Value], inside: &[Value]) -> [(String, Vec<Value>); 2] {
    [(main_file(), lines.to_vec()), (subagents("agent-a5bdbc1"), inside.to_vec())]
}

/// The body of a request with all events of these files, byte for byte as it would go over the wire.
fn body(files: &[(String, Vec<Value>)]) -> String {
    let (interpreter, source) = (interpreter(), "desk".parse().unwrap());
    let mut memory = MapMemory::default();
    let mut body = String::from("[");
    for (path, lines) in files {
        let mut reader = Reader::new(&interpreter, path);
        for event in lines.iter().flat_map(|line| reader.line(line.to_string().as_bytes(), &mut memory)) {
            let (id, at, kind) = (event.id(), event.timestamp(), event.event_type());
            write_event(&mut body, TypeField::EventType, &id, &source, at, kind, &event.payload_json());
            body.push(',');
        }
    }
    body
}

/// The same of one file.
fn sent(lines: &[Value]) -> String {
    body(&[(main_file(), lines.to_vec())])
}

/// The lines with ids of their own for records and calls, as another file has them.
fn of_a_subagent(lines: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        if let Some(uuid) = line["uuid"].as_str() {
            line["uuid"] = json!(format!("inside-{uuid}"));
        }
    }
    lines
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
    fn transcripts_that_differ_in_text_alone_send_the_same(
        one in any::<u64>(),
        other in any::<u64>(),
        has_subagent in prop::bool::weighted(0.2),
    ) {
        let (first, second) = pair(Made::OfAnything, (one, other));
        let traffic = sent(&first);
        prop_assert!(traffic.matches("\"eventType\"").count() > 20, "the transcript was understood");
        prop_assert_eq!(&traffic, &sent(&second));
        if has_subagent {
            let inside = pair(Made::OfAnything, (!one, !other));
            let whole = body(&files(&first, &of_a_subagent(&inside.0)));
            prop_assert!(whole.len() > traffic.len() + 1000, "so was the subagent's");
            prop_assert_eq!(whole, body(&files(&second, &of_a_subagent(&inside.1))));
        }
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
