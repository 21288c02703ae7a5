//! Tool calls, their results, and subagents, across lines and files.

use serde_json::{Value, json};
use vibetea_monitor::privacy::RedactedEvent;

use crate::harness::{MapMemory, SESSION, main_file, payloads, read_with, shown};
use crate::lines::{at, call, file, notice, prompt, record, result};

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

fn events(records: &[Value]) -> Vec<RedactedEvent> {
    read_with(&main_file(), &file(records), &mut MapMemory::default())
}

fn ids(events: &[RedactedEvent]) -> Vec<String> {
    let mut ids: Vec<String> =
        events.iter().map(|event| format!("{} {}", event.id(), shown(event))).collect();
    ids.sort();
    ids
}

fn agent_file() -> String {
    format!("-home-dev-shop/{SESSION}/subagents/agent-a5bdbc1.jsonl")
}

fn read_call(uuid: &str, minute: u32) -> Value {
    call(uuid, minute, "toolu_1", "Read", &json!({"file_path": "/home/dev/work/shop/src/auth.ts"}))
}

fn good(uuid: &str, minute: u32) -> Value {
    result(uuid, minute, "toolu_1", &json!({}), &json!({"stdout": "x"}))
}

fn task(uuid: &str, minute: u32) -> Value {
    let input = json!({"description": "d", "prompt": "p", "subagent_type": "Explore"});
    call(uuid, minute, "toolu_1", "Task", &input)
}

fn launched(uuid: &str, minute: u32) -> Value {
    let said = json!({"isAsync": true, "status": "async_launched", "agentId": "a9cad17", "prompt": "p"});
    result(uuid, minute, "toolu_1", &json!({}), &said)
}

fn agents(events: &[RedactedEvent]) -> Vec<String> {
    events.iter().map(shown).filter(|event| event.starts_with("agent ")).collect()
}

#[test]
fn a_call_and_its_result_are_two_events() {
    let events = events(&[read_call("a1", 0), good("u1", 2)]);
    let common = format!(r#""sessionId":"{SESSION}","tool":"Read","status""#);
    let rest = r#""context":"auth.ts","project":"shop""#;
    assert_eq!(shown(&events[1]), format!(r#"tool {{{common}:"started",{rest}}}"#));
    let outcome = r#""success":true,"durationMs":120000"#;
    assert_eq!(shown(&events[2]), format!(r#"tool {{{common}:"completed",{rest},{outcome}}}"#));
    assert_eq!(events[2].timestamp().to_string(), at(2));
    assert_ne!(events[1].id(), events[2].id());
}

#[test]
fn success_is_anything_but_an_error() {
    for (block, success) in [
        (json!({"is_error": true}), false),
        (json!({"is_error": false}), true),
        (json!({"is_error": "true"}), true),
        (json!({"is_error": null}), true),
        (json!({"content": [{"type": "text", "text": "x"}]}), true),
    ] {
        let events = events(&[read_call("a1", 0), result("u1", 1, "toolu_1", &block, &json!("Error: x"))]);
        assert_eq!(payloads(&events, "tool")[1]["success"], success, "{block}");
    }
}

#[test]
fn every_call_of_one_answer_counts() {
    let blocks = json!([
        {"type": "text", "text": "I will look"},
        {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {"command": "ls"}},
        {"type": "tool_use", "id": "call_2", "name": "Grep", "input": {"pattern": "x"}},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        {"type": "tool_use", "name": "Bash", "input": {}},
    ]);
    let answer = record("assistant", "a1", 0, &json!({"message": {"content": blocks}}));
    let tools: Vec<Value> =
        payloads(&events(&[answer]), "tool").iter().map(|tool| tool["tool"].clone()).collect();
    assert_eq!(tools, ["Bash", "Grep"], "a call without an id cannot be told from another");
}

#[test]
fn a_result_before_its_call_waits_for_it() {
    let (before, behind) = ([good("u1", 2), read_call("a1", 0)], [read_call("a1", 0), good("u1", 2)]);
    let mut memory = MapMemory::default();
    let early = read_with(&main_file(), &file(&before), &mut memory);
    assert_eq!(memory.waiting(), 0);
    assert_eq!(payloads(&early, "tool"), payloads(&events(&behind), "tool"));
    assert_eq!(ids(&early)[1..], ids(&events(&behind))[1..], "all but the start, whose moment differs");
}

#[test]
fn a_result_older_than_its_call_took_no_time() {
    let events = events(&[read_call("a1", 5), good("u1", 4)]);
    assert_eq!(payloads(&events, "tool")[1]["durationMs"], 0);
}

#[test]
fn a_result_without_a_call_gives_nothing() {
    assert_eq!(payloads(&events(&[good("u1", 1)]), "tool"), Vec::<Value>::new());
}

#[test]
fn a_result_in_another_file_completes_the_call() {
    let mut memory = MapMemory::default();
    read_with(&main_file(), &file(&[read_call("a1", 0)]), &mut memory);
    let other = format!("slug/{OTHER}.jsonl");
    let events = read_with(&other, &file(&[good("u1", 2)]), &mut memory);
    assert_eq!(payloads(&events, "tool")[0]["sessionId"], SESSION, "as its call");
}

#[test]
fn copies_in_other_files_add_nothing() {
    let original = [prompt("u0", 0, "hi"), read_call("a1", 1), good("u1", 2)];
    let mut memory = MapMemory::default();
    read_with(&main_file(), &file(&original), &mut memory);
    let other = format!("slug/{OTHER}.jsonl");
    let fork = read_with(&other, &file(&original), &mut memory);
    assert_eq!(fork.len(), 1, "the fork's own start");

    // a resume that copies the history with the moment of the resume
    let restamped = [prompt("u0", 90, "hi"), read_call("a1", 90), good("u1", 90)];
    let third = "slug/99999999-2222-4333-8444-666666666666.jsonl";
    assert_eq!(read_with(third, &file(&restamped), &mut memory).len(), 1);
}

#[test]
fn a_second_reading_gives_the_same_ids_or_nothing() {
    let records = [prompt("u0", 0, "hi"), task("a1", 1), launched("u1", 2), prompt("u2", 90, "hi")];
    let mut memory = MapMemory::default();
    let first = read_with(&main_file(), &file(&records), &mut memory);
    assert!(first.len() >= 6);
    assert!(read_with(&main_file(), &file(&records), &mut memory).is_empty());
    assert_eq!(first, events(&records));
}

#[test]
fn a_subagents_file_belongs_to_its_session() {
    let mut memory = MapMemory::default();
    read_with(&main_file(), &file(&[prompt("u0", 0, "hi")]), &mut memory);
    let inside = [
        record(
            "user",
            "s1",
            1,
            &json!({"isSidechain": true, "cwd": "/tmp/elsewhere", "message": {"content": "x"}}),
        ),
        record(
            "assistant",
            "s2",
            2,
            &json!({
                "isSidechain": true, "agentId": "a5bdbc1", "sessionId": OTHER, "cwd": "/tmp/elsewhere",
                "message": {"content": [{"type": "tool_use", "id": "toolu_9", "name": "Grep", "input": {"path": "/x/y.ts"}}]},
            }),
        ),
    ];
    let expected = format!(
        r#"tool {{"sessionId":"{SESSION}","tool":"Grep","status":"started","project":"shop","agentId":"a5bdbc1"}}"#
    );
    let events = read_with(&agent_file(), &file(&inside), &mut memory);
    assert_eq!(events.iter().map(shown).collect::<Vec<_>>(), [expected], "no session of its own");

    let orphan = read_with(&agent_file(), &file(&inside), &mut MapMemory::default());
    assert_eq!(payloads(&orphan, "tool")[0]["project"], "elsewhere");
    let beside = read_with("slug/agent-a5bdbc1.jsonl", &file(&inside[1..]), &mut MapMemory::default());
    assert_eq!(payloads(&beside, "tool")[0]["sessionId"], OTHER, "beside the session only its lines name it");
}

#[test]
fn a_warm_up_gives_nothing() {
    let work = call("s2", 1, "toolu_9", "Bash", &json!({"command": "git status"}));
    let started_with = |text: &str| {
        let records = [prompt("s1", 0, text), work.clone(), prompt("s3", 2, "Warmup")];
        read_with(&agent_file(), &file(&records), &mut MapMemory::default()).len()
    };
    assert_eq!(started_with("Warmup"), 0);
    assert_eq!(started_with("Warmup the oven"), 1);
    assert_eq!(events(&[prompt("u1", 0, "Warmup"), work.clone()]).len(), 3, "a person may type it");
}

#[test]
fn a_subagent_starts_with_its_call_and_ends_with_the_result() {
    let said = json!({"status": "completed", "agentId": "a5bdbc1", "content": [], "totalDurationMs": 9});
    let done = events(&[task("a1", 0), result("u1", 3, "toolu_1", &json!({}), &said)]);
    let common = format!(r#""sessionId":"{SESSION}","state""#);
    assert_eq!(
        agents(&done),
        [
            format!(r#"agent {{{common}:"started","project":"shop","agentType":"Explore"}}"#),
            format!(
                r#"agent {{{common}:"completed","project":"shop","agentId":"a5bdbc1","agentType":"Explore"}}"#
            ),
        ]
    );
    assert_eq!(payloads(&done, "tool").len(), 2, "it is a tool call as well");

    let refused =
        events(&[task("a1", 0), result("u1", 3, "toolu_1", &json!({"is_error": true}), &json!("no"))]);
    assert!(agents(&refused)[1].contains(r#""state":"failed""#));

    let named = json!({"subagent_type": "investor-relations"});
    let custom = events(&[call("a1", 0, "toolu_1", "Agent", &named)]);
    assert!(agents(&custom)[0].contains(r#""agentType":"custom""#));
    assert!(!agents(&events(&[call("a1", 0, "toolu_1", "Agent", &json!({}))]))[0].contains("agentType"));
}

#[test]
fn a_launched_subagent_ends_with_its_notice() {
    for (elements, end) in [
        ("<task-id>a9cad17</task-id>\n<status>completed</status>", Some("completed")),
        ("<tool-use-id>toolu_1</tool-use-id><status>failed</status>", Some("failed")),
        (
            "<task-id>b1</task-id><tool-use-id>toolu_1</tool-use-id><status>completed</status>",
            Some("completed"),
        ),
        ("<task-id>a9cad17</task-id><status>running</status>", None),
        ("<task-id>a9cad17</task-id>", None),
        ("<status>completed</status>", None),
        ("<result><task-id>a9cad17</task-id><status>completed</status></result>", None),
        ("<task-id>ffffff</task-id><status>completed</status>", None),
    ] {
        let notice = prompt("u2", 9, &notice(elements));
        let inline = [task("a1", 0), launched("u1", 1), notice.clone()];
        let found = agents(&events(&inline));
        assert_eq!(found.len(), 1 + usize::from(end.is_some()), "{elements}: {found:?}");
        if let Some(end) = end {
            assert!(found[1].contains(&format!(r#""state":"{end}""#)), "{found:?}");
        }
        let early = [prompt("u0", 0, "hi"), notice, launched("u1", 1), task("a1", 0)];
        let late = [prompt("u0", 0, "hi"), task("a1", 0), launched("u1", 1), early[1].clone()];
        assert_eq!(ids(&events(&early)), ids(&events(&late)), "{elements}");
    }
}

#[test]
fn a_notice_counts_once_however_often_it_is_repeated() {
    let text = notice("<task-id>a9cad17</task-id><status>completed</status>");
    let queued =
        json!({"type": "queue-operation", "operation": "enqueue", "timestamp": at(8), "content": text});
    let records = [task("a1", 0), launched("u1", 1), queued, prompt("u2", 9, &text), prompt("u3", 10, &text)];
    assert_eq!(agents(&events(&records)).len(), 2);
    let only_queued = agents(&events(&records[..3]));
    assert_eq!(only_queued.len(), 2, "some are never repeated as a message");
}

#[test]
fn a_background_commands_notice_is_no_subagents() {
    let bash = call("a1", 0, "toolu_1", "Bash", &json!({"command": "x", "run_in_background": true}));
    let text = notice("<tool-use-id>toolu_1</tool-use-id><status>completed</status>");
    assert!(agents(&events(&[bash, prompt("u2", 9, &text)])).is_empty());
}

#[test]
fn progress_repeats_what_others_say_but_for_its_older_shape() {
    let now = json!({"data": {"type": "hook_progress", "hookEvent": "PostToolUse", "hookName": "PostToolUse:Read",
        "command": "x"}, "toolUseID": "toolu_1", "parentToolUseID": "toolu_1"});
    let nested = json!({"data": {"type": "agent_progress", "message": {"message": {"content": [
        {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}}]}}}});
    let quiet = [record("progress", "p1", 0, &now), record("progress", "p2", 0, &nested)];
    assert!(events(&quiet).is_empty());

    let older = |fields: &Value| {
        let mut fields = fields.clone();
        fields["progress"] =
            json!({"type": "PostToolUse", "tool_name": "Read", "result": {"success": false}});
        record("progress", "p1", 2, &fields)
    };
    let alone = events(&[older(&json!({}))]);
    let expected = format!(
        r#"tool {{"sessionId":"{SESSION}","tool":"Read","status":"completed","project":"shop","success":false}}"#
    );
    assert_eq!(alone.iter().map(shown).collect::<Vec<_>>(), [expected]);

    let paired = events(&[read_call("a1", 0), older(&json!({"toolUseID": "toolu_1"})), good("u1", 3)]);
    let tools = payloads(&paired, "tool");
    assert_eq!(tools.len(), 2, "one call completes once");
    assert_eq!((&tools[1]["context"], &tools[1]["success"]), (&json!("auth.ts"), &json!(false)));
}

#[test]
fn a_record_without_a_moment_takes_the_latest() {
    let mut timeless = good("u1", 0);
    timeless.as_object_mut().unwrap().remove("timestamp");
    let paired = events(&[read_call("a1", 7), timeless.clone()]);
    assert_eq!(paired[2].timestamp().to_string(), at(7));
    assert!(events(&[timeless]).is_empty());
}
