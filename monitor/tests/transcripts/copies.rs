//! The same records more than once: in one file, in forks and continued files, on a second installation.

use std::collections::BTreeSet;

use serde_json::Value;
use vibetea_monitor::privacy::RedactedEvent;
use vibetea_protocol::EventId;

use crate::harness::{MapMemory, OTHER, events, main_file, read_with, subagents};
use crate::lines::{answer, bash, done, file, of, prompt};

#[test]
fn a_record_may_stand_twice_in_one_file() {
    let twice = |record: Value| [record.clone(), record];
    let records =
        [twice(prompt("u1", 0, "hi")), twice(bash("a1", 1, "toolu_1")), twice(done("r1", 2, "toolu_1"))];
    assert_eq!(events(&records.concat()).len(), 4, "start, prompt, call and result, each once");
}

/// A session, a fork with its times, a subagent and one that continues it.
fn machine() -> Vec<(String, Vec<u8>)> {
    let said = vec![prompt("u1", 0, "hi"), bash("a1", 1, "toolu_1"), done("r1", 2, "toolu_1")];
    let inside = vec![prompt("s1", 3, "look"), bash("s2", 4, "toolu_2"), done("s3", 5, "toolu_2")];
    let continued = [inside.clone(), vec![bash("s4", 6, "toolu_3")]].concat();
    let forked = [said.clone(), vec![prompt("u2", 7, "other way"), bash("a2", 8, "toolu_4")]].concat();
    vec![
        (main_file(), file(&[said, vec![answer("a9", 9)]].concat())),
        (subagents("agent-a000001"), file(&of(inside, "a000001"))),
        (subagents("agent-a000002"), file(&of(continued, "a000002"))),
        (format!("slug/{OTHER}.jsonl"), file(&forked)),
    ]
}

fn installed(files: &[(String, Vec<u8>)]) -> Vec<RedactedEvent> {
    let mut memory = MapMemory::default();
    files.iter().flat_map(|(path, text)| read_with(path, text, &mut memory)).collect()
}

#[test]
fn a_second_installation_with_the_same_key_adds_nothing() {
    let ids = |events: &[RedactedEvent]| events.iter().map(RedactedEvent::id).collect::<BTreeSet<EventId>>();
    let mut files = machine();
    let first = installed(&files);
    assert_eq!(first.len(), 10);
    assert_eq!(ids(&first).len(), first.len());
    assert_eq!(installed(&files), first);
    files.reverse();
    assert_eq!(ids(&installed(&files)), ids(&first), "whichever file comes first");
}

#[test]
fn the_check_of_a_second_installation_finds_an_id_of_where_a_record_stands() {
    let nameless = |records: Vec<Value>| -> Vec<Value> {
        records
            .into_iter()
            .map(|mut record| {
                record.as_object_mut().unwrap().remove("uuid");
                record
            })
            .collect()
    };
    let said = nameless(vec![prompt("u1", 0, "hi"), prompt("u2", 1, "ho")]);
    let one = [(main_file(), file(&said)), (format!("slug/{OTHER}.jsonl"), file(&said))];
    assert_eq!(installed(&one).len(), 6, "a copy cannot be known by its place");
}
