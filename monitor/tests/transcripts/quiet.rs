//! Records that are known and say nothing.

use serde_json::{Value, json};
use vibetea_monitor::interpret::LineOutcome;

use crate::harness::{MapMemory, Reader, SESSION, interpreter, main_file, read_records};
use crate::lines::{at, prompt, record};

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
        read_records(&path, &quiet_records(), &mut MapMemory::default()).is_empty(),
        "nobody spoke, so no session"
    );
}

#[test]
fn a_file_may_be_empty_or_hold_nothing_but_snapshots_or_summaries() {
    let interpreter = interpreter();
    let path = main_file();
    for kind in ["file-history-snapshot", "summary", "last-prompt"] {
        let lines = vec![json!({"type": kind, "leafUuid": "u9", "snapshot": {"timestamp": at(0)}}); 3];
        assert!(read_records(&path, &lines, &mut MapMemory::default()).is_empty(), "{kind}");
    }
    let mut memory = MapMemory::default();
    let mut empty = Reader::new(&interpreter, &path);
    assert!(empty.line(b"", &mut memory).is_empty() && empty.silence(&at(600), &mut memory).is_empty());
}
