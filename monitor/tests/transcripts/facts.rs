//! Facts about real transcripts that other files here do not hold; `FACTS.md` lists them all with their tests.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vibetea_monitor::interpret::LineOutcome;
use vibetea_monitor::privacy::RedactedEvent;
use vibetea_protocol::EventId;

use crate::harness::{MapMemory, Reader, SESSION, interpreter, main_file, payloads, read_with, shown};
use crate::lines::{answer, at, call, file, prompt, record, result};

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

fn read(path: &str, records: &[Value], memory: &mut MapMemory) -> Vec<RedactedEvent> {
    read_with(path, &file(records), memory)
}

fn events(records: &[Value]) -> Vec<RedactedEvent> {
    read(&main_file(), records, &mut MapMemory::default())
}

fn bash(uuid: &str, minute: u32, id: &str) -> Value {
    call(uuid, minute, id, "Bash", &json!({"command": "ls"}))
}

fn done(uuid: &str, minute: u32, id: &str) -> Value {
    result(uuid, minute, id, &json!({}), &json!({"stdout": "x"}))
}

fn of(records: Vec<Value>, agent: &str) -> Vec<Value> {
    records
        .into_iter()
        .map(|mut record| {
            record["isSidechain"] = json!(true);
            record["agentId"] = json!(agent);
            record
        })
        .collect()
}

fn subagents(name: &str) -> String {
    format!("slug/{SESSION}/subagents/{name}.jsonl")
}

#[test]
fn ids_of_subagents_have_three_forms_and_their_files_three_places() {
    for agent in ["0a1b2c3d", "a5bdbc1", "a0123456789abcdef"] {
        for path in [
            format!("slug/agent-{agent}.jsonl"),
            subagents(&format!("agent-{agent}")),
            subagents(&format!("workflows/wf_7/agent-{agent}")),
        ] {
            let tools =
                payloads(&read(&path, &[bash("s1", 0, "toolu_1")], &mut MapMemory::default()), "tool");
            assert_eq!(
                (&tools[0]["agentId"], &tools[0]["sessionId"]),
                (&json!(agent), &json!(SESSION)),
                "{path}"
            );
        }
    }
}

#[test]
fn a_continued_subagent_repeats_the_first_ones_history_under_another_id() {
    let first = vec![prompt("s1", 0, "look"), bash("s2", 1, "toolu_1"), done("s3", 2, "toolu_1")];
    let mut memory = MapMemory::default();
    let before = read(&subagents("agent-a000001"), &of(first.clone(), "a000001"), &mut memory);
    assert_eq!(payloads(&before, "tool").len(), 2);
    let continued = [first, vec![bash("s4", 3, "toolu_2"), done("s5", 4, "toolu_2")]].concat();
    let after = read(&subagents("agent-a000002"), &of(continued, "a000002"), &mut memory);
    let tools = payloads(&after, "tool");
    assert_eq!(tools.len(), 2, "only what is new");
    assert!(tools.iter().all(|tool| tool["agentId"] == "a000002"));
}

#[test]
fn a_warm_up_gives_nothing_in_either_place() {
    let work = || of(vec![prompt("s1", 0, "Warmup"), bash("s2", 1, "toolu_1"), answer("s3", 2)], "a5bdbc1");
    for path in ["slug/agent-a5bdbc1.jsonl".to_owned(), subagents("agent-a5bdbc1")] {
        assert!(read(&path, &work(), &mut MapMemory::default()).is_empty(), "{path}");
    }
}

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
fn a_record_may_stand_twice_in_one_file() {
    let twice = |record: Value| [record.clone(), record];
    let records =
        [twice(prompt("u1", 0, "hi")), twice(bash("a1", 1, "toolu_1")), twice(done("r1", 2, "toolu_1"))];
    assert_eq!(events(&records.concat()).len(), 4, "start, prompt, call and result, each once");
}

#[test]
fn hook_lines_may_carry_another_sessions_id() {
    let hook = record(
        "progress",
        "p1",
        0,
        &json!({"sessionId": OTHER, "toolUseID": "x",
        "data": {"type": "hook_progress", "hookEvent": "SessionStart", "hookName": "SessionStart:clear"}}),
    );
    let found = events(&[hook, prompt("u1", 1, "hi")]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|event| shown(event).contains(SESSION)));
    assert_eq!(found[0].timestamp().to_string(), at(0), "it is the session's first moment");
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
    let found = read(&main_file(), &[bash("a1", 0, "toolu_1"), prompt("u1", 90, "on")], &mut memory);
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
fn what_a_tool_says_of_itself_may_be_anything() {
    for said in [json!({"stdout": "x"}), json!("Error: x"), json!([{"type": "text"}]), json!(null), json!(7)]
    {
        let found = events(&[bash("a1", 1, "toolu_1"), result("r1", 2, "toolu_1", &json!({}), &said)]);
        assert_eq!(payloads(&found, "tool").len(), 2, "{said}");
    }
    let mut absent = done("r1", 2, "toolu_1");
    absent.as_object_mut().unwrap().remove("toolUseResult");
    assert_eq!(payloads(&events(&[bash("a1", 1, "toolu_1"), absent]), "tool").len(), 2);
}

#[test]
fn a_spawned_teammate_is_not_done_yet() {
    let task = call("a1", 0, "toolu_1", "Agent", &json!({"subagent_type": "general-purpose"}));
    let spawned = result("r1", 1, "toolu_1", &json!({}), &json!({"status": "teammate_spawned", "name": "x"}));
    let states: Vec<_> =
        payloads(&events(&[task, spawned]), "agent").iter().map(|agent| agent["state"].clone()).collect();
    assert_eq!(states, ["started"]);
}

#[test]
fn the_model_may_write_any_input() {
    for input in [
        json!({}),
        json!({"file_path": ""}),
        json!({"file_path": {"path": "/x/secret.ts"}}),
        json!({"file_path": ["/x/secret.ts"]}),
        json!({"file_path\n</parameter>\n<parameter name=\"limit": "/x/secret.ts"}),
        json!({"path": "/x/secret.ts", "File_Path": "/x/secret.ts"}),
    ] {
        let tools = payloads(&events(&[call("a1", 0, "toolu_1", "Read", &input)]), "tool");
        assert_eq!((tools.len(), &tools[0]["context"]), (1, &Value::Null), "{input}");
    }
}

#[test]
fn paths_of_every_file_tool_may_be_of_windows() {
    let input = json!({"file_path": r"C:\Users\dev\shop\a.ts", "notebook_path": r"D:\b.ipynb", "filePath": r"src\c.rs"});
    for (tool, name) in [("Read", "a.ts"), ("NotebookEdit", "b.ipynb"), ("LSP", "c.rs")] {
        let tools = payloads(&events(&[call("a1", 0, "toolu_1", tool, &input)]), "tool");
        assert_eq!(tools[0]["context"], name);
    }
}

/// JSON text with the keys of every object in the order of `keys`.
fn written(value: &Value, keys: &dyn Fn(&Map<String, Value>) -> Vec<String>) -> String {
    match value {
        Value::Object(fields) => {
            let field = |key: String| format!("{}:{}", json!(key), written(&fields[&key], keys));
            format!("{{{}}}", keys(fields).into_iter().map(field).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| written(item, keys)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[test]
fn keys_may_stand_in_any_order() {
    let sorted = |fields: &Map<String, Value>| -> Vec<String> {
        fields.keys().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let reversed = |fields: &Map<String, Value>| sorted(fields).into_iter().rev().collect();
    let type_first = |fields: &Map<String, Value>| {
        let mut keys = sorted(fields);
        keys.sort_by_key(|key| key != "type");
        keys
    };
    let records = [
        prompt("u1", 0, "hi"),
        call("a1", 1, "toolu_1", "Read", &json!({"file_path": "/x/a.ts", "limit": 3})),
        done("r1", 2, "toolu_1"),
    ];
    let text = |keys: &dyn Fn(&Map<String, Value>) -> Vec<String>| {
        let lines: String = records.iter().map(|record| written(record, keys) + "\n").collect();
        read_with(&main_file(), lines.as_bytes(), &mut MapMemory::default())
    };
    let expected = events(&records);
    assert_eq!(expected.len(), 4);
    assert_eq!(text(&sorted), expected);
    assert_eq!(text(&reversed), expected);
    assert_eq!(text(&type_first), expected);
}

/// Every known type in the shapes that it comes in, but for those that say something.
pub(crate) fn quiet_records() -> Vec<Value> {
    let bare = |kind: &str| json!({"type": kind, "sessionId": SESSION});
    let mut records: Vec<Value> = [
        "agent-color",
        "agent-name",
        "agent-setting",
        "ai-title",
        "attribution-snapshot",
        "content-replacement",
        "custom-title",
        "goal-state",
        "history-suppression",
        "last-prompt",
        "mode",
        "permission-mode",
        "relocated",
        "speculation-accept",
        "tag",
        "task-summary",
        "worktree-state",
    ]
    .map(bare)
    .to_vec();
    for operation in ["enqueue", "dequeue", "remove", "popAll"] {
        records.push(json!({"type": "queue-operation", "operation": operation, "timestamp": at(1),
            "sessionId": SESSION, "content": "and then deploy"}));
    }
    for subtype in [
        json!("stop_hook_summary"),
        json!("turn_duration"),
        json!("compact_boundary"),
        json!("local_command"),
        json!("scheduled_task_fire"),
        json!("microcompact_boundary"),
        json!("informational"),
        json!(null),
    ] {
        records.push(record(
            "system",
            "s1",
            1,
            &json!({"subtype": subtype, "logicalParentUuid": "u1", "content": "x"}),
        ));
    }
    for data in [
        "bash_progress",
        "hook_progress",
        "agent_progress",
        "mcp_progress",
        "query_update",
        "search_results_received",
        "waiting_for_task",
    ] {
        let block = json!({"type": "tool_use", "id": "toolu_9", "name": "Bash", "input": {}});
        records.push(record("progress", "p1", 1, &json!({"toolUseID": "toolu_9", "parentToolUseID": "toolu_8",
            "data": {"type": data, "output": "x", "message": {"type": "assistant", "message": {"content": [block]}}}})));
    }
    for attachment in [
        "mcp_instructions_delta",
        "deferred_tools_delta",
        "agent_listing_delta",
        "skill_listing",
        "task_reminder",
        "plan_mode_exit",
        "output_style",
        "edited_text_file",
        "hook_success",
    ] {
        records.push(record(
            "attachment",
            "t1",
            1,
            &json!({"attachment": {"type": attachment, "content": "x"}}),
        ));
    }
    records.extend([
        record(
            "pr-link",
            "l1",
            1,
            &json!({"prNumber": 7, "prUrl": "https://example.test/7", "prRepository": "a/b"}),
        ),
        json!({"type": "file-history-snapshot", "messageId": "m1", "isSnapshotUpdate": false,
            "snapshot": {"timestamp": at(0), "trackedFileBackups": {"src/a.ts": {"version": 1}}}}),
        json!({"type": "summary", "summary": "x", "leafUuid": "of-another-file"}),
        json!({"type": "started", "id": "n1"}),
        json!({"type": "result", "result": "x"}),
    ]);
    records
}

#[test]
fn most_types_say_nothing_and_all_are_known() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    assert_eq!(reader.line(prompt("u1", 0, "hi").to_string().as_bytes(), &mut memory).len(), 2);
    for quiet in quiet_records() {
        let events = reader.line(quiet.to_string().as_bytes(), &mut memory);
        assert!(events.is_empty(), "{quiet}");
        assert_eq!(reader.outcomes.pop(), Some(LineOutcome::Understood), "{quiet}");
    }
    assert!(
        read(&path, &quiet_records(), &mut MapMemory::default()).is_empty(),
        "nobody spoke, so no session"
    );
}

#[test]
fn a_file_may_be_empty_or_hold_nothing_but_snapshots_or_summaries() {
    let interpreter = interpreter();
    let path = main_file();
    for kind in ["file-history-snapshot", "summary", "last-prompt"] {
        let lines = vec![json!({"type": kind, "leafUuid": "u9", "snapshot": {"timestamp": at(0)}}); 3];
        assert!(read(&path, &lines, &mut MapMemory::default()).is_empty(), "{kind}");
    }
    let mut memory = MapMemory::default();
    let mut empty = Reader::new(&interpreter, &path);
    assert!(empty.line(b"", &mut memory).is_empty() && empty.silence(&at(600), &mut memory).is_empty());
}

#[test]
fn a_retry_says_how_long_it_waits_with_a_fraction() {
    let retry = |uuid: &str, attempt: u32| {
        record(
            "system",
            uuid,
            attempt,
            &json!({"subtype": "api_error", "level": "error", "retryInMs": 514.276_293_1,
            "retryAttempt": attempt, "maxRetries": 10, "error": {"status": 529, "headers": {"request-id": "r"}}}),
        )
    };
    let found = events(&[prompt("u1", 0, "hi"), retry("e1", 1), retry("e2", 2), retry("e2", 2)]);
    let categories: Vec<_> =
        payloads(&found, "error").iter().map(|error| error["category"].clone()).collect();
    assert_eq!(categories, ["api_retry", "api_retry"], "one for each record");
}

#[test]
fn what_is_typed_while_the_agent_works_counts_once_when_it_becomes_a_message() {
    let queue = |operation: &str| {
        json!({"type": "queue-operation", "operation": operation, "timestamp": at(1), "sessionId": SESSION,
            "content": "and then deploy"})
    };
    let activities = |records: &[Value]| payloads(&events(records), "activity").len();
    let said = [answer("a1", 0), queue("enqueue"), queue("dequeue"), prompt("u1", 2, "and then deploy")];
    assert_eq!(activities(&said), 1);
    assert_eq!(
        activities(&[answer("a1", 0), queue("enqueue"), queue("popAll")]),
        0,
        "taken back to the keyboard"
    );
}

#[test]
fn a_compaction_is_no_prompt() {
    let boundary = record(
        "system",
        "b1",
        1,
        &json!({"subtype": "compact_boundary", "parentUuid": null,
        "logicalParentUuid": "u1", "compactMetadata": {"trigger": "auto", "preTokens": 155_000}}),
    );
    let summary = record(
        "user",
        "u2",
        1,
        &json!({"isCompactSummary": true, "message":
        {"content": "This session is being continued from a previous conversation that ran out of context."}}),
    );
    let found = events(&[prompt("u1", 0, "hi"), boundary, summary, prompt("u3", 2, "go on")]);
    assert_eq!(payloads(&found, "activity").len(), 2);
    assert_eq!(payloads(&found, "session").len(), 1, "the session goes on");
}

#[test]
fn lines_may_be_megabytes_long() {
    for megabytes in [1, 64] {
        let text = "x".repeat(megabytes << 20);
        let long = result("r1", 2, "toolu_1", &json!({"content": text}), &json!(null));
        let found = events(&[bash("a1", 1, "toolu_1"), long, prompt("u1", 3, "thanks")]);
        assert_eq!(found.len(), 4, "{megabytes} MB");
    }
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

#[test]
fn the_list_of_facts_names_tests_that_exist() {
    let place = |file: &str| format!("{}/tests/transcripts/{file}", env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(place("FACTS.md")).unwrap();
    let named: Vec<(&str, &str)> =
        list.split('`').skip(1).step_by(2).filter_map(|word| word.split_once("::")).collect();
    assert!(named.len() > 60, "{}", named.len());
    for (module, test) in named {
        let source = std::fs::read_to_string(place(&format!("{module}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}()")), "no test {module}::{test}");
    }
}
