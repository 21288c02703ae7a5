//! Calls and results where real files put them: apart, in between, late, in odd records, or not at all.

use serde_json::{Value, json};
use vibetea_monitor::privacy::RedactedEvent;

use crate::harness::{MapMemory, Reader, events, interpreter, main_file, payloads, read_records};
use crate::lines::{bash, done, prompt, record};

#[test]
fn one_answer_may_be_several_records_with_results_between_them() {
    let part = |uuid: &str, minute: u32, blocks: Value| {
        let message = json!({"id": "msg_1", "content": blocks, "usage": {"output_tokens": 5}});
        record("assistant", uuid, minute, &json!({"message": message, "requestId": "req_1"}))
    };
    let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "Grep", "input": {}, "caller": {"type": "direct"}});
    let found = events(&[
        prompt("u1", 0, "find it"),
        part("a1", 1, json!([{"type": "thinking", "thinking": "x"}])),
        part("a2", 1, json!([tool("toolu_1")])),
        done("r1", 2, "toolu_1"),
        part("a3", 1, json!([tool("call_2")])),
        part("a4", 1, json!([tool("3f2c"), {"type": "text", "text": "x"}])),
        done("r3", 3, "3f2c"),
        done("r2", 3, "call_2"),
    ]);
    assert_eq!(payloads(&found, "tool").len(), 6);
    assert_eq!(payloads(&found, "activity").len(), 1);
}

#[test]
fn an_assistant_record_may_hold_a_result() {
    let block = json!([{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true}]);
    let inside = record("assistant", "a2", 2, &json!({"message": {"content": block}}));
    let found = events(&[bash("a1", 1, "toolu_1"), inside]);
    assert_eq!(payloads(&found, "tool")[1]["success"], false);
}

#[test]
fn a_result_may_have_a_text_beside_it_and_is_no_prompt() {
    let mut with_text = done("r1", 2, "toolu_1");
    let blocks = with_text["message"]["content"].as_array_mut().unwrap();
    blocks.push(json!({"type": "text", "text": "the user said no"}));
    let found = events(&[bash("a1", 1, "toolu_1"), with_text]);
    assert_eq!((payloads(&found, "tool").len(), payloads(&found, "activity").len()), (2, 0));
}

#[test]
fn a_result_may_come_most_of_a_day_later() {
    let mut late = done("r1", 0, "toolu_1");
    late["timestamp"] = json!("2026-02-04T07:54:00.000Z");
    let found = events(&[prompt("u1", 0, "hi"), bash("a1", 0, "toolu_1"), late]);
    assert_eq!(payloads(&found, "tool")[1]["durationMs"], 21 * 3_600_000 + 54 * 60_000);
    assert_eq!(payloads(&found, "session").len(), 2, "the session ended in between and did not start again");
}

#[test]
fn a_call_may_never_be_answered() {
    let mut memory = MapMemory::default();
    let found = read_records(&main_file(), &[bash("a1", 0, "toolu_1"), prompt("u1", 90, "on")], &mut memory);
    let statuses: Vec<_> = payloads(&found, "tool").iter().map(|tool| tool["status"].clone()).collect();
    assert_eq!(statuses, ["started"]);
    assert_eq!(memory.waiting(), 0);
}

#[test]
fn a_file_made_anew_may_start_with_the_result_of_a_call_it_does_not_hold() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let before =
        Reader::new(&interpreter, &path).line(bash("a1", 0, "toolu_1").to_string().as_bytes(), &mut memory);
    let after =
        Reader::new(&interpreter, &path).line(done("r1", 1, "toolu_1").to_string().as_bytes(), &mut memory);
    let kinds =
        |events: &[RedactedEvent]| events.iter().map(|event| event.event_type().as_str()).collect::<Vec<_>>();
    assert_eq!(kinds(&before), ["session", "tool"]);
    assert_eq!(kinds(&after), ["tool"], "the same session goes on");
}
