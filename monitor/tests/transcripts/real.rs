//! Real transcripts against a second, plain and slow reading of them. Skipped where they are not at hand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use vibetea_monitor::privacy::RedactedEvent;
use vibetea_protocol::{EventId, Timestamp};

use crate::harness::{MapMemory, read_with};

type Counts = BTreeMap<&'static str, usize>;

fn files() -> Option<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts/projects");
    if !root.is_dir() {
        eprintln!("skipped: no transcripts at {}", root.display());
        return None;
    }
    let mut paths: Vec<PathBuf> = walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    Some(paths.iter().map(|path| (relative(path), std::fs::read(path).unwrap())).collect())
}

fn kind_of(event: &RedactedEvent) -> &'static str {
    let payload: Value = serde_json::from_str(&event.payload_json()).unwrap();
    let word = |field: &str| payload[field].as_str().map(str::to_owned);
    match (event.event_type().as_str(), word("status").or(word("action")).or(word("state")).as_deref()) {
        ("tool", Some("started")) => "tool started",
        ("tool", Some("completed")) => "tool completed",
        ("session", Some("started")) => "session started",
        ("session", Some("ended")) => "session ended",
        ("agent", Some("started")) => "agent started",
        ("agent", Some("completed")) => "agent completed",
        ("agent", Some("failed")) => "agent failed",
        ("activity", None) => "activity",
        ("error", None) => "error",
        ("summary", None) => "summary",
        other => panic!("unexpected event {other:?}"),
    }
}

fn count(events: &[RedactedEvent]) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        *counts.entry(kind_of(event)).or_default() += 1;
    }
    counts
}

/// The plain reading: whole records as values, one rule after the other, no hurry.
#[derive(Default)]
struct Plain {
    called: HashMap<String, Value>,
    completed: HashSet<String>,
    ended: HashSet<String>,
    launched: HashMap<String, String>,
    seen: HashSet<String>,
}

const NOT_TYPED: [&str; 7] = [
    "<task-notification>",
    "This session is being continued",
    "<local-command-",
    "Caveat:",
    "<teammate-message",
    "<system-reminder>",
    "<bash-stdout>",
];

impl Plain {
    fn file(&mut self, path: &str, text: &[u8]) -> Counts {
        let text = std::str::from_utf8(text).unwrap();
        let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut counts = Counts::new();
        for record in &records {
            for kind in self.record(record) {
                *counts.entry(kind).or_default() += 1;
            }
        }
        if path.split('/').count() == 2 && !path.contains("/agent-") {
            for (kind, count) in sessions(&records) {
                *counts.entry(kind).or_default() += count;
            }
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    fn record(&mut self, record: &Value) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        let uuid = record["uuid"].as_str().unwrap_or_default();
        for block in record["message"]["content"].as_array().into_iter().flatten() {
            match block["type"].as_str().unwrap() {
                "tool_use" => kinds.extend(self.call(block)),
                "tool_result" => kinds.extend(self.result(block, record)),
                _ => {}
            }
        }
        kinds.extend(self.notice(record));
        let retry = record["type"] == "system" && record["subtype"] == "api_error";
        if (retry || record["isApiErrorMessage"] == true) && self.seen.insert(format!("error {uuid}")) {
            kinds.push("error");
        }
        if typed(record) && self.seen.insert(format!("typed {uuid}")) {
            kinds.push("activity");
        }
        kinds
    }

    fn call(&mut self, block: &Value) -> Vec<&'static str> {
        if self.called.insert(block["id"].as_str().unwrap().to_owned(), block.clone()).is_some() {
            return vec![];
        }
        if is_agent(block) { vec!["tool started", "agent started"] } else { vec!["tool started"] }
    }

    fn result(&mut self, block: &Value, record: &Value) -> Vec<&'static str> {
        let id = block["tool_use_id"].as_str().unwrap().to_owned();
        let Some(call) = self.called.get(&id) else { panic!("a result before its call") };
        let agent = is_agent(call);
        let mut kinds = vec![];
        if self.completed.insert(id.clone()) {
            kinds.push("tool completed");
        }
        let said = &record["toolUseResult"];
        if agent && said["status"] == "async_launched" {
            self.launched.insert(said["agentId"].as_str().unwrap().to_owned(), id);
        } else if agent && self.ended.insert(id) {
            kinds.push(if block["is_error"] == true { "agent failed" } else { "agent completed" });
        }
        kinds
    }

    fn notice(&mut self, record: &Value) -> Option<&'static str> {
        let queued = (record["operation"] == "enqueue").then(|| &record["content"]);
        let text = queued.unwrap_or(&record["message"]["content"]).as_str()?;
        let rest = text.strip_prefix("<task-notification>\n<task-id>")?;
        let (agent, rest) = rest.split_once("</task-id>\n<status>")?;
        let (status, _) = rest.split_once("</status>")?;
        assert_eq!(status, "completed", "the only one in these files");
        let call = self.launched.get(agent).expect("a subagent that was launched").clone();
        self.ended.insert(call).then_some("agent completed")
    }
}

fn is_agent(call: &Value) -> bool {
    call["name"] == "Task" || call["name"] == "Agent"
}

fn typed(record: &Value) -> bool {
    let by_program = ["isSidechain", "isMeta", "isCompactSummary"].iter().any(|flag| record[flag] == true);
    if record["type"] != "user" || by_program {
        return false;
    }
    let human = |text: &str| !NOT_TYPED.iter().any(|marker| text.starts_with(marker));
    match &record["message"]["content"] {
        Value::String(text) => human(text),
        Value::Array(blocks) => {
            !blocks.iter().any(|block| block["type"] == "tool_result")
                && blocks
                    .iter()
                    .any(|block| block["type"] == "image" || block["text"].as_str().is_some_and(human))
        }
        other => panic!("content {other}"),
    }
}

fn sessions(records: &[Value]) -> Counts {
    let spoken = records.iter().any(|record| record["type"] == "user" || record["type"] == "assistant");
    let moments: Vec<Timestamp> =
        records.iter().filter_map(|record| record["timestamp"].as_str()?.parse().ok()).collect();
    let silences = moments.windows(2).filter(|pair| pair[1].since(pair[0]) >= 30 * 60 * 1_000_000).count();
    let uuids: BTreeSet<&str> = records.iter().filter_map(|record| record["uuid"].as_str()).collect();
    let leaves: BTreeSet<&str> = records.iter().filter_map(|record| record["leafUuid"].as_str()).collect();
    Counts::from([
        ("session started", usize::from(spoken && !moments.is_empty())),
        ("session ended", silences),
        ("summary", leaves.intersection(&uuids).count()),
    ])
}

fn all_events(files: &[(String, Vec<u8>)], memory: &mut MapMemory) -> Vec<RedactedEvent> {
    files.iter().flat_map(|(path, text)| read_with(path, text, memory)).collect()
}

fn ids(events: &[RedactedEvent]) -> BTreeSet<EventId> {
    events.iter().map(RedactedEvent::id).collect()
}

#[test]
fn a_plain_reading_of_real_files_counts_the_same() {
    let Some(files) = files() else { return };
    let (mut memory, mut plain) = (MapMemory::default(), Plain::default());
    let mut total = Counts::new();
    for (path, text) in &files {
        let counts = count(&read_with(path, text, &mut memory));
        assert_eq!(counts, plain.file(path, text), "{path}");
        for (kind, count) in counts {
            *total.entry(kind).or_default() += count;
        }
    }
    let expected = Counts::from([
        ("activity", 45),
        ("agent completed", 6),
        ("agent started", 6),
        ("error", 9),
        ("session ended", 1),
        ("session started", 11),
        ("summary", 2),
        ("tool completed", 233),
        ("tool started", 235),
    ]);
    assert_eq!(total, expected);
    assert_eq!(memory.waiting(), 0);
}

#[test]
fn the_plain_count_finds_a_copy_that_counts_twice() {
    let Some(files) = files() else { return };
    // planted bug: no memory from file to file
    let forgetful =
        |(path, text): &(String, Vec<u8>)| count(&read_with(path, text, &mut MapMemory::default()));
    let mut plain = Plain::default();
    assert!(files.iter().any(|file| forgetful(file) != plain.file(&file.0, &file.1)));
}

/// The last components of every path that a file tool was given and of every working directory.
fn names_in(files: &[(String, Vec<u8>)]) -> HashSet<String> {
    let mut names = HashSet::new();
    for record in files.iter().flat_map(|(_, text)| text.split(|byte| *byte == b'\n')) {
        let record: Value = serde_json::from_slice(record).unwrap_or_default();
        let inputs =
            record["message"]["content"].as_array().into_iter().flatten().map(|block| &block["input"]);
        let paths =
            inputs.flat_map(|input| [&input["file_path"], &input["notebook_path"], &input["filePath"]]);
        let paths = paths.chain([&record["cwd"]]).filter_map(Value::as_str);
        names.extend(
            paths.filter_map(|path| path.trim_end_matches('/').rsplit('/').next()).map(str::to_owned),
        );
    }
    names
}

/// What of an event is neither a number, nor an id, nor a word of ours, nor one of the names.
fn strange_texts(payload: &Value, names: &HashSet<String>) -> Vec<String> {
    let strange = |(field, value): (&String, &Value)| {
        let text = value.as_str()?;
        let known = match field.as_str() {
            "context" | "project" => names.contains(text),
            "sessionId" => {
                text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
            }
            "agentId" => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "tool" | "agentType" | "category" => text.len() < 20 && !text.contains(['/', '.', ' ']),
            _ => matches!(text, "started" | "completed" | "failed" | "ended" | "Session ended"),
        };
        (!known).then(|| format!("{field}: {text}"))
    };
    payload.as_object().unwrap().iter().filter_map(strange).collect()
}

#[test]
fn of_real_files_only_names_leave() {
    let Some(files) = files() else { return };
    let names = names_in(&files);
    let events = all_events(&files, &mut MapMemory::default());
    let payload = |event: &RedactedEvent| serde_json::from_str::<Value>(&event.payload_json()).unwrap();
    let strange =
        |names| events.iter().flat_map(|event| strange_texts(&payload(event), names)).collect::<Vec<_>>();
    assert_eq!(strange(&names), Vec::<String>::new());
    assert!(strange(&HashSet::new()).len() > 100, "planted bug: names that nobody expects");
}

#[test]
fn real_files_give_the_same_ids_again_and_nothing_twice() {
    let Some(mut files) = files() else { return };
    let mut memory = MapMemory::default();
    let first = all_events(&files, &mut memory);
    assert_eq!(ids(&first).len(), first.len());
    assert!(all_events(&files, &mut memory).is_empty());
    assert_eq!(first, all_events(&files, &mut MapMemory::default()));
    files.reverse();
    let backwards = all_events(&files, &mut MapMemory::default());
    assert_eq!(ids(&first), ids(&backwards), "whichever file comes first");
}
