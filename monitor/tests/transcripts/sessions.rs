//! Where a session begins and ends, and what it is called.

use serde_json::{Value, json};
use vibetea_monitor::interpret::{FileKind, LineOutcome};
use vibetea_monitor::transcript::classify;

use crate::harness::{
    MapMemory, OTHER, Reader, SESSION, events, interpreter, main_file, payloads, read_with, shown,
};
use crate::lines::{answer, at, call, file, prompt, record};

fn told(path: &str, records: &[Value]) -> Vec<String> {
    read_with(path, &file(records), &mut MapMemory::default()).iter().map(shown).collect()
}

fn queued(minute: u32) -> Value {
    json!({"type": "queue-operation", "operation": "dequeue", "timestamp": at(minute), "sessionId": SESSION})
}

#[test]
fn files_are_told_apart_by_their_paths() {
    let session = format!("slug/{SESSION}/subagents");
    for (path, kind) in [
        (main_file().as_str(), Some(FileKind::Main)),
        ("slug/tool_heavy.jsonl", Some(FileKind::Main)),
        ("slug/agent-a5bdbc1.jsonl", Some(FileKind::Agent)),
        (&format!("{session}/agent-a5bdbc1.jsonl"), Some(FileKind::Agent)),
        (&format!("{session}/workflows/wf_1/agent-a5bdbc1.jsonl"), Some(FileKind::Agent)),
        (&format!("{session}/agent-acompact-a5bdbc1.jsonl"), None),
        (&format!("{session}/agent-aside_question-a5bdbc1.jsonl"), None),
        (&format!("{session}/workflows/wf_1/journal.jsonl"), None),
        (&format!("{session}/agent-a5bdbc1.meta.json"), None),
        (&format!("slug/{SESSION}/tool-results/agent-a5bdbc1.jsonl"), None),
        ("slug/journal.jsonl", None),
        ("slug/sessions-index.json", None),
        ("history.jsonl", None),
        ("agent-a5bdbc1.jsonl", None),
        ("", None),
    ] {
        assert_eq!(classify(path), kind, "{path}");
    }
}

#[test]
fn a_session_starts_with_its_first_moment_once_somebody_has_spoken() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    let snapshot =
        json!({"type": "file-history-snapshot", "messageId": "m", "snapshot": {"timestamp": at(0)}});
    assert!(reader.line(snapshot.to_string().as_bytes(), &mut memory).is_empty());
    assert!(reader.line(queued(1).to_string().as_bytes(), &mut memory).is_empty());
    let events = reader.line(prompt("u1", 2, "hello").to_string().as_bytes(), &mut memory);
    assert_eq!(
        shown(&events[0]),
        format!(r#"session {{"sessionId":"{SESSION}","action":"started","project":"shop"}}"#)
    );
    assert_eq!(events[0].timestamp().to_string(), at(1));
    assert_eq!(events.len(), 2, "the start and the prompt");
    assert!(reader.outcomes.iter().all(|outcome| *outcome == LineOutcome::Understood));
}

#[test]
fn a_file_in_which_nobody_speaks_is_no_session() {
    let summary = json!({"type": "summary", "summary": "x", "leafUuid": "no-such-record"});
    assert_eq!(told(&main_file(), &[summary, queued(0), queued(90)]), Vec::<String>::new());
}

#[test]
fn a_long_silence_ends_the_session_at_the_record_before_it() {
    let records = [prompt("u1", 0, "a"), answer("a1", 1), prompt("u2", 31, "b"), answer("a2", 60)];
    let events = read_with(&main_file(), &file(&records), &mut MapMemory::default());
    let ended: Vec<_> = events.iter().filter(|event| shown(event).contains("ended")).collect();
    assert_eq!(ended.len(), 1, "30 minutes are a silence, 29 are not");
    assert_eq!(ended[0].timestamp().to_string(), at(1));
    assert_eq!(payloads(&events, "session").len(), 2, "no second start");
}

#[test]
fn a_file_that_stays_still_ends_its_session_once_and_like_a_late_record_would() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    reader.line(prompt("u1", 0, "a").to_string().as_bytes(), &mut memory);
    reader.line(answer("a1", 1).to_string().as_bytes(), &mut memory);
    assert!(reader.silence(&at(30), &mut memory).is_empty());
    let ended = reader.silence(&at(31), &mut memory);
    assert_eq!(ended.len(), 1);
    assert!(reader.silence(&at(90), &mut memory).is_empty());
    let late = reader.line(answer("a2", 100).to_string().as_bytes(), &mut memory);
    assert!(late.is_empty(), "it was told already");
    assert_eq!(reader.silence(&at(130), &mut memory).len(), 1, "a session that went on ends again");

    let mut fresh = MapMemory::default();
    let records = [prompt("u1", 0, "a"), answer("a1", 1), answer("a2", 100)];
    let read_later = read_with(&path, &file(&records), &mut fresh);
    assert_eq!(read_later.last().unwrap().id(), ended[0].id());
}

#[test]
fn records_that_go_back_in_time_end_nothing() {
    let records = [prompt("u1", 40, "a"), answer("a1", 5), answer("a2", 41)];
    assert!(!told(&main_file(), &records).iter().any(|event| event.contains("ended")));
}

#[test]
fn the_file_names_the_session_whatever_its_lines_say() {
    let copied = record("user", "u1", 0, &json!({"sessionId": OTHER, "message": {"content": "hi"}}));
    let events = told(&main_file(), &[copied]);
    assert!(events.iter().all(|event| event.contains(SESSION) && !event.contains(OTHER)), "{events:?}");
}

#[test]
fn a_file_without_a_session_name_takes_its_lines_or_its_paths() {
    let by_line = told("slug/short.jsonl", &[prompt("u1", 0, "hi")]);
    assert!(by_line.iter().all(|event| event.contains(SESSION)), "{by_line:?}");

    let nameless =
        record("user", "u1", 0, &json!({"sessionId": "my own words", "message": {"content": "hi"}}));
    let one =
        read_with("slug/short.jsonl", &file(std::slice::from_ref(&nameless)), &mut MapMemory::default());
    let again =
        read_with("slug/short.jsonl", &file(std::slice::from_ref(&nameless)), &mut MapMemory::default());
    let other = read_with("slug/long.jsonl", &file(&[nameless]), &mut MapMemory::default());
    let id = |events: &[_]| payloads(events, "session")[0]["sessionId"].clone();
    assert_eq!(id(&one), id(&again));
    assert_ne!(id(&one), id(&other));
    assert_eq!(id(&one).as_str().unwrap().len(), 36);
    assert!(!shown(&one[0]).contains("own"));
}

#[test]
fn the_first_directory_names_the_project() {
    let bare = |uuid: &str| {
        let mut record = prompt(uuid, 0, "hi");
        record.as_object_mut().unwrap().remove("cwd");
        record
    };
    let moved = record("user", "u2", 1, &json!({"cwd": "/home/dev/work/other", "message": {"content": "x"}}));
    let project = |records: &[Value], kind| {
        let events = read_with(&main_file(), &file(records), &mut MapMemory::default());
        payloads(&events, kind).iter().map(|payload| payload["project"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(project(&[prompt("u1", 0, "hi"), moved.clone()], "activity"), ["shop", "shop"]);
    assert_eq!(project(&[bare("u1")], "session"), ["unknown"]);
    assert_eq!(project(&[bare("u1")], "activity"), [Value::Null], "only sessions must have one");
    assert_eq!(project(&[bare("u1"), moved], "activity"), [Value::Null, json!("other")]);
    for (directory, name) in [
        (r"C:\Users\dev\shop\", "shop"),
        ("/", "unknown"),
        ("/home/dev", "~"),
        ("/Users/dev/", "~"),
        (r"C:\Users\dev", "~"),
        ("/root", "~"),
        ("/srv/home/dev", "~"),
    ] {
        let record = record("user", "u1", 0, &json!({"cwd": directory, "message": {"content": "hi"}}));
        assert_eq!(project(&[record], "session"), [name], "{directory}");
    }
}

#[test]
fn sidechains_in_a_main_file_call_tools_but_type_nothing() {
    let side = |mut record: Value| {
        record["isSidechain"] = json!(true);
        record
    };
    let records = [
        side(prompt("u1", 0, "do this for me")),
        side(call("a1", 1, "toolu_1", "Bash", &json!({"command": "ls"}))),
    ];
    let events = told(&main_file(), &records);
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].starts_with("session") && events[1].contains(r#""tool":"Bash","status":"started""#));
}

#[test]
fn a_summary_counts_for_the_session_that_holds_its_record() {
    let summary = json!({"type": "summary", "summary": "secret words", "leafUuid": "a1"});
    let foreign = json!({"type": "summary", "summary": "secret words", "leafUuid": "z9"});
    let spoken = [prompt("u1", 0, "hi"), answer("a1", 1)];
    let summaries = |records: Vec<Value>| {
        let events = read_with(&main_file(), &file(&records), &mut MapMemory::default());
        let found = events.into_iter().filter(|event| event.event_type().as_str() == "summary");
        found.collect::<Vec<_>>()
    };
    let behind = summaries([&spoken[..], &[summary.clone(), summary.clone()]].concat());
    let before = summaries([&[summary, foreign.clone()], &spoken[..]].concat());
    assert_eq!(behind.len(), 1);
    assert_eq!(behind[0].timestamp().to_string(), at(1));
    assert_eq!(
        shown(&behind[0]),
        format!(r#"summary {{"sessionId":"{SESSION}","summary":"Session ended"}}"#)
    );
    assert_eq!(behind, before);
    assert!(summaries([&spoken[..], &[foreign]].concat()).is_empty());
}

#[test]
fn failures_are_told_by_category() {
    let failed = |uuid: &str, fields: &Value| record("assistant", uuid, 1, fields);
    let records = [
        prompt("u1", 0, "hi"),
        failed("e1", &json!({"isApiErrorMessage": true, "error": "rate_limit"})),
        failed("e2", &json!({"isApiErrorMessage": true, "error": "secret HTTP body"})),
        failed("e3", &json!({"isApiErrorMessage": true})),
        failed("e4", &json!({"isApiErrorMessage": false, "error": "rate_limit"})),
        record("system", "e5", 1, &json!({"subtype": "api_error", "error": {"headers": {"org": "acme"}}})),
        record("system", "e6", 1, &json!({"subtype": "turn_duration"})),
    ];
    let events = read_with(&main_file(), &file(&records), &mut MapMemory::default());
    let categories: Vec<_> =
        payloads(&events, "error").iter().map(|payload| payload["category"].clone()).collect();
    assert_eq!(categories, ["rate_limit", "unknown", "unknown", "api_retry"]);
}

#[test]
fn unknown_types_give_nothing_and_are_counted_by_type() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    for line in [
        r#"{"type":"brand-new","message":{"content":[{"type":"tool_use","id":"t","name":"Bash"}]}}"#,
        r#"{"type":"brand-new"}"#,
        r#"{"type":"newer-still"}"#,
        r#"{"no":"type"}"#,
        r#"{"type":"last-prompt","lastPrompt":"x"}"#,
    ] {
        assert!(reader.line(line.as_bytes(), &mut memory).is_empty());
    }
    let [first, second, third, fourth, fifth] = reader.outcomes[..] else { panic!() };
    assert!(matches!(first, LineOutcome::UnknownType(_)));
    assert_eq!(first, second);
    assert_ne!(first, third);
    assert!(matches!(fourth, LineOutcome::UnknownType(_)));
    assert_eq!(fifth, LineOutcome::Understood);
}

#[test]
fn what_is_kept_of_a_file_is_small() {
    let interpreter = interpreter();
    let mut memory = MapMemory::default();
    let mut reader = Reader::new(&interpreter, "slug/short.jsonl");
    for leaf in 0..100 {
        let summary = json!({"type": "summary", "leafUuid": format!("none-{leaf}")});
        reader.line(summary.to_string().as_bytes(), &mut memory);
    }
    let records = [prompt("u1", 0, "hi"), answer("a1", 1)];
    for record in records {
        reader.line(record.to_string().as_bytes(), &mut memory);
    }
    let kept = serde_json::to_string(&reader.state).unwrap();
    assert!(kept.len() < 600, "{} bytes: {kept}", kept.len());
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
