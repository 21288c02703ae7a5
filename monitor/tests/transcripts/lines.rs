//! Synthetic records in the shapes that real files hold.

use serde_json::{Value, json};

/// Where the sessions of these tests run.
pub(crate) const DIRECTORY: &str = "/home/dev/work/shop";

/// `minute` past ten.
pub(crate) fn at(minute: u32) -> String {
    format!("2026-02-03T{:02}:{:02}:00.000Z", 10 + minute / 60, minute % 60)
}

/// A record with its envelope; `fields` are added to it or put in place.
pub(crate) fn record(kind: &str, uuid: &str, minute: u32, fields: &Value) -> Value {
    let mut record = json!({
        "parentUuid": null, "isSidechain": false, "userType": "external", "cwd": DIRECTORY,
        "sessionId": crate::harness::SESSION, "version": "2.1.42", "gitBranch": "main",
        "type": kind, "uuid": uuid, "timestamp": at(minute),
    });
    for (name, value) in fields.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

/// What a person typed.
pub(crate) fn prompt(uuid: &str, minute: u32, content: &str) -> Value {
    record("user", uuid, minute, &json!({"message": {"role": "user", "content": content}}))
}

/// An answer in words.
pub(crate) fn answer(uuid: &str, minute: u32) -> Value {
    let content = json!([{"type": "text", "text": "Done."}]);
    record("assistant", uuid, minute, &json!({"message": {"role": "assistant", "content": content}}))
}

/// A tool call.
pub(crate) fn call(uuid: &str, minute: u32, id: &str, name: &str, input: &Value) -> Value {
    let content = json!([{"type": "tool_use", "id": id, "name": name, "input": input}]);
    record("assistant", uuid, minute, &json!({"message": {"role": "assistant", "content": content}}))
}

/// A tool's result; `block` adds to the block, `said` is what the tool says of itself.
pub(crate) fn result(uuid: &str, minute: u32, id: &str, block: &Value, said: &Value) -> Value {
    let mut content = json!({"type": "tool_result", "tool_use_id": id, "content": "output"});
    for (name, value) in block.as_object().unwrap() {
        content[name] = value.clone();
    }
    let message = json!({"role": "user", "content": [content]});
    record("user", uuid, minute, &json!({"message": message, "toolUseResult": said}))
}

/// The notice of a launched subagent's end.
pub(crate) fn notice(elements: &str) -> String {
    format!("<task-notification>\n{elements}\n<summary>Agent \"x\" is done</summary>\n</task-notification>")
}

/// Records as a file.
pub(crate) fn file(records: &[Value]) -> Vec<u8> {
    records.iter().flat_map(|record| format!("{record}\n").into_bytes()).collect()
}

/// A call of a shell.
pub(crate) fn bash(uuid: &str, minute: u32, id: &str) -> Value {
    call(uuid, minute, id, "Bash", &json!({"command": "ls"}))
}

/// Its good result.
pub(crate) fn done(uuid: &str, minute: u32, id: &str) -> Value {
    result(uuid, minute, id, &json!({}), &json!({"stdout": "x"}))
}

/// The records as those of a subagent.
pub(crate) fn of(records: Vec<Value>, agent: &str) -> Vec<Value> {
    records
        .into_iter()
        .map(|mut record| {
            record["isSidechain"] = json!(true);
            record["agentId"] = json!(agent);
            record
        })
        .collect()
}
