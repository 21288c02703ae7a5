//! What must come of a transcript, said apart from the monitor: simple code that looks at whole files with all
//! their lines at hand, where the monitor sees one line at a time.
//!
//! One thing is shared with the monitor: the keyed hash that makes an id of kind, time and natural key
//! (`vibetea_monitor::identity`). Which events there are, and with which keys and times, is computed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use vibetea_monitor::identity::{EventKind, Identity};
use vibetea_protocol::Timestamp;

/// An event that must be stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Natural {
    /// A session id.
    SessionStarted(String),
    /// A record's uuid.
    Activity(String),
    /// A tool-use id.
    ToolStarted(String),
    /// A tool-use id.
    ToolCompleted(String),
    /// A record's uuid.
    Error(String),
}

/// The id of an event.
pub fn id(identity: &Identity, natural: &Natural, timestamp: Timestamp) -> String {
    let (kind, key): (EventKind, Vec<u8>) = match natural {
        Natural::SessionStarted(session) => (EventKind::SessionStarted, session.clone().into_bytes()),
        Natural::Activity(uuid) => {
            (EventKind::Activity, identity.record(uuid).as_i64().to_le_bytes().to_vec())
        }
        Natural::ToolStarted(call) => {
            (EventKind::ToolStarted, identity.call(call).as_i64().to_le_bytes().to_vec())
        }
        Natural::ToolCompleted(call) => {
            (EventKind::ToolCompleted, identity.call(call).as_i64().to_le_bytes().to_vec())
        }
        Natural::Error(uuid) => (EventKind::Error, identity.record(uuid).as_i64().to_le_bytes().to_vec()),
    };
    identity.event(kind, timestamp, &[&key]).id.to_string()
}

/// What the files below a `projects` folder hold.
#[derive(Debug, Default)]
pub struct Expected {
    /// Each event with its time; of copies the first found.
    pub events: BTreeMap<Natural, Timestamp>,
}

impl Expected {
    /// Reads every followed transcript below `projects`.
    pub fn read(projects: &Path) -> Self {
        Self::read_these(projects, &Self::files(projects))
    }

    /// Reads these transcripts below `projects`.
    pub fn read_these(projects: &Path, files: &[PathBuf]) -> Self {
        let mut expected = Self::default();
        let mut results = BTreeMap::new();
        for file in files {
            let depth = file.strip_prefix(projects).map_or(0, |path| path.components().count());
            expected.add_file(file, depth == 2, &mut results);
        }
        for (call, timestamp) in results {
            if expected.events.contains_key(&Natural::ToolStarted(call.clone())) {
                expected.events.insert(Natural::ToolCompleted(call), timestamp);
            }
        }
        expected
    }

    /// Every transcript below a folder, in the order of their paths.
    pub fn files(projects: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        transcripts_below(projects, &mut files);
        files.sort();
        files
    }

    /// The ids, by the monitor with this identity.
    pub fn ids(&self, identity: &Identity) -> BTreeSet<String> {
        self.events.iter().map(|(natural, timestamp)| id(identity, natural, *timestamp)).collect()
    }

    /// How many of a kind.
    pub fn count(&self, of: impl Fn(&Natural) -> bool) -> usize {
        self.events.keys().filter(|natural| of(natural)).count()
    }

    fn add_file(&mut self, file: &Path, in_project: bool, results: &mut BTreeMap<String, Timestamp>) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "journal.jsonl" || name.starts_with("agent-a") && !is_agent(&name) {
            return;
        }
        let main = in_project && !name.starts_with("agent-");
        let text = std::fs::read(file).expect("a transcript can be read");
        let records: Vec<Value> = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(Value::is_object)
            .collect();
        if main {
            self.add_session(&records, name.trim_end_matches(".jsonl"));
        }
        for record in &records {
            self.add_record(record, main, results);
        }
    }

    fn add_session(&mut self, records: &[Value], stem: &str) {
        let is_turn = |record: &Value| matches!(text(record, "type"), "user" | "assistant");
        let first = records.iter().find(|record| time(record).is_some());
        let (true, Some(first)) = (records.iter().any(is_turn), first) else { return };
        let named = records.iter().map(|record| text(record, "sessionId")).find(|id| !id.is_empty());
        let session = if looks_like_uuid(stem) { stem } else { named.unwrap_or_default() };
        self.add(Natural::SessionStarted(session.to_ascii_lowercase()), time(first));
    }

    fn add_record(&mut self, record: &Value, main: bool, results: &mut BTreeMap<String, Timestamp>) {
        let kind = text(record, "type");
        let uuid = text(record, "uuid").to_owned();
        let blocks = record["message"]["content"].as_array().map_or(&[][..], Vec::as_slice);
        if kind == "assistant" {
            for block in blocks.iter().filter(|block| text(block, "type") == "tool_use") {
                self.add(Natural::ToolStarted(text(block, "id").to_owned()), time(record));
            }
            if record["isApiErrorMessage"] == true {
                self.add(Natural::Error(uuid.clone()), time(record));
            }
        }
        if kind == "system" && text(record, "subtype") == "api_error" {
            self.add(Natural::Error(uuid.clone()), time(record));
        }
        if kind == "user" {
            for block in blocks.iter().filter(|block| text(block, "type") == "tool_result") {
                let call = text(block, "tool_use_id").to_owned();
                if let Some(timestamp) = time(record) {
                    results.entry(call).or_insert(timestamp);
                }
            }
            if main && is_typed(record, blocks) {
                self.add(Natural::Activity(uuid), time(record));
            }
        }
    }

    fn add(&mut self, natural: Natural, timestamp: Option<Timestamp>) {
        if let Some(timestamp) = timestamp {
            self.events.entry(natural).or_insert(timestamp);
        }
    }
}

/// Whether a person typed it, by the marks that machine-made user records carry.
fn is_typed(record: &Value, blocks: &[Value]) -> bool {
    const MACHINE_MADE: [&str; 8] = [
        "<task-notification>",
        "This session is being continued",
        "<local-command-stdout>",
        "<local-command-caveat>",
        "Caveat:",
        "<teammate-message",
        "<system-reminder>",
        "<bash-stdout>",
    ];
    let flagged = ["isSidechain", "isMeta", "isCompactSummary"].iter().any(|flag| record[*flag] == true);
    let from_tool = blocks.iter().any(|block| text(block, "type") == "tool_result");
    let origin = record["origin"]["kind"].as_str().unwrap_or("human");
    let first_text = record["message"]["content"].as_str().or_else(|| {
        blocks.iter().find(|block| text(block, "type") == "text").and_then(|block| block["text"].as_str())
    });
    let machine = first_text.is_some_and(|text| MACHINE_MADE.iter().any(|mark| text.starts_with(mark)));
    !flagged && !from_tool && origin == "human" && !machine
}

fn transcripts_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            transcripts_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
}

fn is_agent(name: &str) -> bool {
    !["agent-acompact", "agent-aside_question"].iter().any(|copy| name.starts_with(copy))
}

fn looks_like_uuid(stem: &str) -> bool {
    stem.len() == 36 && stem.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

fn time(record: &Value) -> Option<Timestamp> {
    text(record, "timestamp").parse().ok()
}
