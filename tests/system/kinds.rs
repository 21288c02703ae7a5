//! A transcript with an event of every kind, against what the oracle says of it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use vibetea_monitor::identity::Identity;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::exactly_once::{self, Difference};
use vibetea_tests::oracle::Expected;
use vibetea_tests::place::{Place, source};
use vibetea_tests::transcript::Appender;
use vibetea_tests::{stored, wait};

const SESSION: &str = "5e551011-7ea3-4000-8000-000000000000";
const MINUTE: i64 = 60_000_000;

/// Records of one session, so many minutes after it began.
struct Script {
    began: i64,
    lines: Vec<Value>,
}

impl Script {
    fn say(&mut self, minute: i64, kind: &str, fields: &Value) {
        let at = Timestamp::from_micros(self.began + minute * MINUTE).unwrap();
        let mut line = json!({
            "sessionId": SESSION, "cwd": "/home/dev/shop", "type": kind, "timestamp": at,
            "uuid": format!("5e551011-7ea3-4000-9000-{:012}", self.lines.len()),
        });
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.lines.push(line);
    }

    fn prompt(&mut self, minute: i64, text: &str) {
        self.say(minute, "user", &json!({"message": {"role": "user", "content": text}}));
    }

    fn call(&mut self, minute: i64, id: &str, name: &str) {
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        self.say(minute, "assistant", &json!({"message": {"role": "assistant", "content": [block]}}));
    }

    fn result(&mut self, minute: i64, id: &str, is_error: bool, said: &Value) {
        let block = json!({"type": "tool_result", "tool_use_id": id, "content": "x", "is_error": is_error});
        let message = json!({"role": "user", "content": [block]});
        self.say(minute, "user", &json!({"message": message, "toolUseResult": said}));
    }
}

/// Something of everything.
fn script() -> Vec<Value> {
    let mut script = Script { began: Clock::System.now().as_micros() - 24 * 60 * MINUTE, lines: Vec::new() };
    script.prompt(0, "begin");
    script.call(1, "toolu_read", "Read");
    script.result(2, "toolu_read", false, &json!({}));
    script.call(3, "toolu_good", "Task");
    script.result(4, "toolu_good", false, &json!({"status": "completed", "agentId": "a000001"}));
    script.call(5, "toolu_bad", "Agent");
    script.result(6, "toolu_bad", true, &json!("no such agent"));
    script.call(7, "toolu_away", "Task");
    script.result(8, "toolu_away", false, &json!({"status": "async_launched", "agentId": "a000002"}));
    script.call(9, "toolu_lost", "Task");
    script.result(10, "toolu_lost", false, &json!({"status": "async_launched", "agentId": "a000003"}));
    let notice = |agent: &str, status: &str| {
        format!(
            "<task-notification>\n<task-id>{agent}</task-id>\n<status>{status}</status>\n</task-notification>"
        )
    };
    script.prompt(11, &notice("a000002", "completed"));
    script.prompt(12, &notice("a000003", "failed"));
    script.say(13, "system", &json!({"subtype": "api_error"}));
    let summed = script.lines[0]["uuid"].clone();
    script.lines.push(json!({"type": "summary", "summary": "x", "leafUuid": summed}));
    // the last record before the silence has no uuid
    let queued = json!({"uuid": "", "operation": "dequeue"});
    script.say(14, "queue-operation", &queued);
    script.prompt(60, "go on");
    script.lines
}

fn write(place: &Place, lines: &[Value]) -> PathBuf {
    let projects = place.claude().join("projects");
    let mut file = Appender::open(&projects.join(format!("-home-dev-shop/{SESSION}.jsonl")));
    for line in lines {
        file.line(&line.to_string());
    }
    projects
}

/// Stores what comes of these lines and compares it with what the oracle makes of the whole.
fn compare(lines: &[Value], whole: &[Value]) -> Result<(), Difference> {
    let (place, elsewhere) = (Place::new(), Place::new());
    let public_key = place.make_keys();
    let read = Expected::read(&write(&place, lines)).events.len() as u64;
    let expected = Expected::read(&write(&elsewhere, whole));
    let kinds: HashSet<_> = expected.events.keys().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 10, "{:?}", expected.events);
    let _server = place.start_server(&public_key);
    let monitor = place.start_monitor(&[("VIBETEA_SESSION_SILENCE_SECS", "1800")]);
    let said = || format!("everything is stored; the monitor said: {}", monitor.stderr());
    wait::until_so(Duration::from_secs(30), &said(), || stored::count(&place.database()) >= read);
    let ids = expected.ids(&Identity::new(&place.private_key(), &source()));
    exactly_once::compare(&ids, &stored::ids(&place.database()).unwrap())
}

#[test]
fn an_event_of_every_kind_is_stored_once_under_the_name_that_the_oracle_gives_it() {
    let lines = script();
    compare(&lines, &lines).unwrap_or_else(|difference| panic!("{difference}"));
    // a line that nobody reads is missed
    let read: Vec<Value> =
        lines.iter().filter(|line| line["toolUseResult"] != "no such agent").cloned().collect();
    let difference = compare(&read, &lines).unwrap_err();
    assert!(difference.lost.len() >= 2, "the tool's end and the subagent's: {difference}");
}
