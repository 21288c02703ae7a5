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

/// The silence after which a session has ended, unless the monitor is told another, in microseconds.
const SILENCE: i64 = 30 * 60 * 1_000_000;

/// An event that must be stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Natural {
    /// A session id.
    SessionStarted(String),
    /// A session id, and the last record before a silence that a later record tells of.
    SessionEnded(String, Record),
    /// A record's uuid.
    Activity(String),
    /// A tool-use id.
    ToolStarted(String),
    /// A tool-use id.
    ToolCompleted(String),
    /// The tool-use id of a subagent's call.
    AgentStarted(String),
    /// The tool-use id of a subagent's call.
    AgentCompleted(String),
    /// The tool-use id of a subagent's call.
    AgentFailed(String),
    /// A record's uuid.
    Error(String),
    /// A session id, and the uuid of the record up to which it is summed up.
    Summary(String, String),
}

/// What a record is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// Its uuid.
    Uuid(String),
    /// The path of its file below `projects`, the byte it begins at, and what it says.
    Place(String, u64, Vec<u8>),
}

impl Record {
    fn key(&self, identity: &Identity) -> Vec<u8> {
        let key = match self {
            Self::Uuid(uuid) => identity.record(uuid),
            Self::Place(path, offset, text) => identity.placed_record(path, *offset, text),
        };
        key.as_i64().to_le_bytes().to_vec()
    }
}

/// The id of an event.
pub fn id(identity: &Identity, natural: &Natural, timestamp: Timestamp) -> String {
    let session = |session: &String| session.clone().into_bytes();
    let record = |uuid: &String| Record::Uuid(uuid.clone()).key(identity);
    let call = |id: &String| identity.call(id).as_i64().to_le_bytes().to_vec();
    let (kind, key): (EventKind, Vec<Vec<u8>>) = match natural {
        Natural::SessionStarted(id) => (EventKind::SessionStarted, vec![session(id)]),
        Natural::SessionEnded(id, last) => (EventKind::SessionEnded, vec![session(id), last.key(identity)]),
        Natural::Activity(uuid) => (EventKind::Activity, vec![record(uuid)]),
        Natural::ToolStarted(id) => (EventKind::ToolStarted, vec![call(id)]),
        Natural::ToolCompleted(id) => (EventKind::ToolCompleted, vec![call(id)]),
        Natural::AgentStarted(id) => (EventKind::AgentStarted, vec![call(id)]),
        Natural::AgentCompleted(id) => (EventKind::AgentCompleted, vec![call(id)]),
        Natural::AgentFailed(id) => (EventKind::AgentFailed, vec![call(id)]),
        Natural::Error(uuid) => (EventKind::Error, vec![record(uuid)]),
        Natural::Summary(id, leaf) => (EventKind::Summary, vec![session(id), record(leaf)]),
    };
    let key: Vec<&[u8]> = key.iter().map(Vec::as_slice).collect();
    identity.event(kind, timestamp, &key).id.to_string()
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
        let mut answers = Answers::default();
        for file in files {
            let path = file.strip_prefix(projects).unwrap_or(file);
            expected.add_file(file, path, &mut answers);
        }
        expected.add_answers(answers);
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

    fn add_file(&mut self, file: &Path, path: &Path, answers: &mut Answers) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "journal.jsonl" || name.starts_with("agent-a") && !is_agent(&name) {
            return;
        }
        let main = path.components().count() == 2 && !name.starts_with("agent-");
        let text = std::fs::read(file).expect("a transcript can be read");
        let lines = Line::all(&text, &path.to_string_lossy());
        let named = lines.iter().map(|line| text_of(&line.value, "sessionId")).find(|id| !id.is_empty());
        let by_path = if main {
            name.trim_end_matches(".jsonl").to_owned()
        } else {
            let above = path.iter().rev().skip_while(|part| *part != "subagents").nth(1);
            above.unwrap_or_default().to_string_lossy().into_owned()
        };
        let session = if looks_like_uuid(&by_path) { by_path } else { named.unwrap_or_default().to_owned() };
        let session = session.to_ascii_lowercase();
        if main {
            self.add_session(&lines, &session);
            self.add_summaries(&lines, &session);
        }
        for line in &lines {
            self.add_record(&line.value, main, &session, answers);
        }
    }

    /// Its start, and its end before every silence that a later record tells of.
    fn add_session(&mut self, lines: &[Line], session: &str) {
        let first = lines.iter().find_map(|line| time(&line.value));
        if lines.iter().any(Line::is_turn) {
            self.add(Natural::SessionStarted(session.to_owned()), first);
        }
        let (mut spoken, mut ended) = (false, false);
        let mut last: Option<(Timestamp, &Line)> = None;
        for line in lines {
            spoken |= line.is_turn();
            let Some(now) = time(&line.value) else { continue };
            if let Some((before, at)) = last
                && spoken
                && !ended
                && now.since(before) >= SILENCE
            {
                self.add(Natural::SessionEnded(session.to_owned(), at.record()), Some(before));
                ended = true;
            }
            // records are not sorted by time
            if last.is_none_or(|(before, _)| now >= before) {
                (last, ended) = (Some((now, line)), false);
            }
        }
    }

    /// Of the summaries those of a record in the same file.
    fn add_summaries(&mut self, lines: &[Line], session: &str) {
        for summary in lines.iter().filter(|line| text_of(&line.value, "type") == "summary") {
            let leaf = text_of(&summary.value, "leafUuid");
            let summed = lines.iter().find(|line| !leaf.is_empty() && text_of(&line.value, "uuid") == leaf);
            let at = summed.and_then(|line| time(&line.value));
            self.add(Natural::Summary(session.to_owned(), leaf.to_owned()), at);
        }
    }

    fn add_record(&mut self, record: &Value, main: bool, session: &str, answers: &mut Answers) {
        let kind = text_of(record, "type");
        let uuid = text_of(record, "uuid").to_owned();
        let blocks = record["message"]["content"].as_array().map_or(&[][..], Vec::as_slice);
        if kind == "assistant" {
            for block in blocks.iter().filter(|block| text_of(block, "type") == "tool_use") {
                let call = text_of(block, "id").to_owned();
                if matches!(text_of(block, "name"), "Task" | "Agent") {
                    self.add(Natural::AgentStarted(call.clone()), time(record));
                }
                self.add(Natural::ToolStarted(call), time(record));
            }
            if record["isApiErrorMessage"] == true {
                self.add(Natural::Error(uuid.clone()), time(record));
            }
        }
        if kind == "system" && text_of(record, "subtype") == "api_error" {
            self.add(Natural::Error(uuid.clone()), time(record));
        }
        if kind == "user" {
            for block in blocks.iter().filter(|block| text_of(block, "type") == "tool_result") {
                answers.result(block, record, session);
            }
            if main && is_typed(record, blocks) {
                self.add(Natural::Activity(uuid), time(record));
            }
        }
        answers.notice(record, session);
    }

    fn add_answers(&mut self, answers: Answers) {
        let Answers { results, notices } = answers;
        let mut launched = BTreeMap::new();
        for (call, result) in &results {
            let Answer { at, success, session, agent } = result;
            if self.events.contains_key(&Natural::ToolStarted(call.clone())) {
                self.add(Natural::ToolCompleted(call.clone()), Some(*at));
            }
            match agent {
                Some(agent) if *success => {
                    launched.insert((session.clone(), agent.clone()), call.clone());
                }
                _ => self.add_end(call, *success, *at),
            }
        }
        for (named, Answer { at, success, session, agent }) in notices {
            let call = named.or_else(|| launched.get(&(session, agent?)).cloned());
            if let Some(call) = call {
                self.add_end(&call, success, at);
            }
        }
    }

    fn add_end(&mut self, call: &str, success: bool, at: Timestamp) {
        if self.events.contains_key(&Natural::AgentStarted(call.to_owned())) {
            let end = if success { Natural::AgentCompleted } else { Natural::AgentFailed };
            self.add(end(call.to_owned()), Some(at));
        }
    }

    fn add(&mut self, natural: Natural, timestamp: Option<Timestamp>) {
        if let Some(timestamp) = timestamp {
            self.events.entry(natural).or_insert(timestamp);
        }
    }
}

/// What came back of calls and of subagents that were sent on their way.
#[derive(Debug, Default)]
struct Answers {
    /// By tool-use id, the first of each; with a subagent's id where it only says that one was launched.
    results: BTreeMap<String, Answer>,
    /// With the tool-use id if they name it, otherwise by the subagent's.
    notices: Vec<(Option<String>, Answer)>,
}

#[derive(Debug)]
struct Answer {
    at: Timestamp,
    success: bool,
    session: String,
    agent: Option<String>,
}

impl Answers {
    fn result(&mut self, block: &Value, record: &Value, session: &str) {
        let Some(at) = time(record) else { return };
        let said = &record["toolUseResult"];
        let launched = matches!(text_of(said, "status"), "async_launched" | "teammate_spawned");
        let agent = launched.then(|| text_of(said, "agentId").to_owned());
        let (success, session) = (block["is_error"] != true, session.to_owned());
        let call = text_of(block, "tool_use_id").to_owned();
        self.results.entry(call).or_insert(Answer { at, success, session, agent });
    }

    fn notice(&mut self, record: &Value, session: &str) {
        let content = match text_of(record, "type") {
            "user" => &record["message"]["content"],
            "queue-operation" if text_of(record, "operation") == "enqueue" => &record["content"],
            _ => return,
        };
        let blocks = content.as_array().into_iter().flatten();
        let mut texts = content.as_str().into_iter().chain(blocks.map(|block| text_of(block, "text")));
        let told = texts.find(|text| text.starts_with("<task-notification>"));
        let (Some(text), Some(at)) = (told, time(record)) else { return };
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside.trim().to_owned())
        };
        let success = match element("status").as_deref() {
            Some("completed") => true,
            Some("failed") => false,
            _ => return,
        };
        let answer = Answer { at, success, session: session.to_owned(), agent: element("task-id") };
        self.notices.push((element("tool-use-id"), answer));
    }
}

/// A line that holds a record.
struct Line {
    value: Value,
    path: String,
    offset: u64,
    text: Vec<u8>,
}

impl Line {
    fn all(text: &[u8], path: &str) -> Vec<Self> {
        let mut offset = 0;
        let mut found = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&String::from_utf8_lossy(line)) {
                found.push(Self { value, path: path.to_owned(), offset, text: line.to_vec() });
            }
            offset += line.len() as u64 + 1;
        }
        found
    }

    fn is_turn(&self) -> bool {
        matches!(text_of(&self.value, "type"), "user" | "assistant")
    }

    fn record(&self) -> Record {
        match text_of(&self.value, "uuid") {
            "" => Record::Place(self.path.clone(), self.offset, self.text.clone()),
            uuid => Record::Uuid(uuid.to_owned()),
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
    let from_tool = blocks.iter().any(|block| text_of(block, "type") == "tool_result");
    let origin = record["origin"]["kind"].as_str().unwrap_or("human");
    let first_text = record["message"]["content"].as_str().or_else(|| {
        blocks.iter().find(|block| text_of(block, "type") == "text").and_then(|block| block["text"].as_str())
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

fn text_of<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

fn time(record: &Value) -> Option<Timestamp> {
    text_of(record, "timestamp").parse().ok()
}
