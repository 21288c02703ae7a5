//! A memory of maps, and files given as lines.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::time::Duration;

use serde_json::Value;
use vibetea_monitor::identity::{CallKey, Identity, NaturalKey};
use vibetea_monitor::interpret::{
    Call, FileContext, FileState, Interpreter, LineOutcome, Memory, WaitingResult,
};
use vibetea_monitor::privacy::{Policy, RedactedEvent};
use vibetea_monitor::transcript::classify;
use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{BaseName, SessionId};

use crate::lines::file;

/// Half an hour, as by default.
pub(crate) const SILENCE: Duration = Duration::from_mins(30);
/// File name of a session.
pub(crate) const SESSION: &str = "11111111-2222-4333-8444-555555555555";
/// File name of another.
pub(crate) const OTHER: &str = "99999999-2222-4333-8444-555555555555";

/// The long form of a test is asked for by `cargo xtask soak`.
pub(crate) fn is_soak() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
    std::env::var_os("VIBETEA_SOAK").is_some()
}

#[derive(Default)]
pub(crate) struct MapMemory {
    calls: HashMap<CallKey, Call>,
    results: HashMap<CallKey, WaitingResult>,
    seen: HashSet<NaturalKey>,
    projects: HashMap<SessionId, BaseName>,
    /// Records of the file that is being read.
    pub(crate) records: HashMap<String, Timestamp>,
}

impl MapMemory {
    /// Everything that would lie on disk.
    pub(crate) fn dump(&self) -> String {
        let calls: Vec<&Call> = self.calls.values().collect();
        let results: Vec<&WaitingResult> = self.results.values().collect();
        let projects: Vec<(&SessionId, &BaseName)> = self.projects.iter().collect();
        serde_json::to_string(&(calls, results, projects)).unwrap()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.results.len()
    }
}

impl Memory for MapMemory {
    type Error = Infallible;

    fn call(&mut self, key: CallKey) -> Result<Option<Call>, Infallible> {
        Ok(self.calls.get(&key).cloned())
    }

    fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), Infallible> {
        // by way of text, as on disk
        let kept = serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        self.calls.insert(key, kept);
        Ok(())
    }

    fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, Infallible> {
        Ok(self.results.get(&key).cloned())
    }

    fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), Infallible> {
        let kept = serde_json::from_str(&serde_json::to_string(result).unwrap()).unwrap();
        self.results.insert(key, kept);
        Ok(())
    }

    fn forget_result(&mut self, key: CallKey) -> Result<(), Infallible> {
        self.results.remove(&key);
        Ok(())
    }

    fn first_sight(&mut self, key: NaturalKey) -> Result<bool, Infallible> {
        Ok(self.seen.insert(key))
    }

    fn session_project(&mut self, session: &SessionId) -> Result<Option<BaseName>, Infallible> {
        Ok(self.projects.get(session).cloned())
    }

    fn remember_project(&mut self, session: &SessionId, project: &BaseName) -> Result<(), Infallible> {
        self.projects.insert(*session, project.clone());
        Ok(())
    }

    fn earlier_record(&mut self, uuid: &str) -> Result<Option<Timestamp>, Infallible> {
        Ok(self.records.get(uuid).copied())
    }
}

pub(crate) fn interpreter() -> Interpreter {
    interpreter_with(Policy::default())
}

pub(crate) fn interpreter_with(policy: Policy) -> Interpreter {
    let identity = Identity::new(&[7; 32], &"desk".parse().unwrap());
    Interpreter::new(policy, identity, SILENCE)
}

/// One file being read, line by line.
pub(crate) struct Reader<'a> {
    interpreter: &'a Interpreter,
    path: String,
    pub(crate) state: FileState,
    position: u64,
    records: HashMap<String, Timestamp>,
    pub(crate) outcomes: Vec<LineOutcome>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(interpreter: &'a Interpreter, path: &str) -> Self {
        let (state, records) = (FileState::default(), HashMap::new());
        Self { interpreter, path: path.to_owned(), state, position: 0, records, outcomes: Vec::new() }
    }

    fn context(&self) -> FileContext<'_> {
        FileContext { relative_path: &self.path, kind: classify(&self.path).unwrap() }
    }

    pub(crate) fn line(&mut self, line: &[u8], memory: &mut MapMemory) -> Vec<RedactedEvent> {
        std::mem::swap(&mut memory.records, &mut self.records);
        // the state goes by way of text, as on disk
        let mut state: FileState =
            serde_json::from_str(&serde_json::to_string(&self.state).unwrap()).unwrap();
        let mut out = Vec::new();
        let outcome = self
            .interpreter
            .line(&self.context(), &mut state, self.position, line, memory, &mut out)
            .unwrap();
        self.outcomes.push(outcome);
        self.state = state;
        self.position += line.len() as u64 + 1;
        if let Ok(record) = serde_json::from_slice::<Value>(line)
            && let (Some(uuid), Some(time)) = (record["uuid"].as_str(), record["timestamp"].as_str())
            && let Ok(time) = time.parse()
        {
            memory.records.insert(uuid.to_owned(), time);
        }
        std::mem::swap(&mut memory.records, &mut self.records);
        out
    }

    pub(crate) fn silence(&mut self, now: &str, memory: &mut MapMemory) -> Vec<RedactedEvent> {
        let mut out = Vec::new();
        let mut state = self.state.clone();
        let now = now.parse().unwrap();
        self.interpreter.silence(&self.context(), &mut state, now, memory, &mut out).unwrap();
        self.state = state;
        out
    }
}

/// Reads a whole file with the given memory.
pub(crate) fn read_with(path: &str, text: &[u8], memory: &mut MapMemory) -> Vec<RedactedEvent> {
    let interpreter = interpreter();
    let mut reader = Reader::new(&interpreter, path);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').flat_map(|line| reader.line(line, memory)).collect()
}

/// Path of a session's main file.
pub(crate) fn main_file() -> String {
    format!("-home-dev-shop/{SESSION}.jsonl")
}

/// One event as `type payload`, for reading in tests.
pub(crate) fn shown(event: &RedactedEvent) -> String {
    format!("{} {}", event.event_type().as_str(), event.payload_json())
}

/// Payload fields of events of one type, as JSON.
pub(crate) fn payloads(events: &[RedactedEvent], kind: &str) -> Vec<Value> {
    let of_kind = events.iter().filter(|event| event.event_type().as_str() == kind);
    of_kind.map(|event| serde_json::from_str(&event.payload_json()).unwrap()).collect()
}

/// Path of a file below the session's subagents.
pub(crate) fn subagents(name: &str) -> String {
    format!("slug/{SESSION}/subagents/{name}.jsonl")
}

/// Reads records as a whole file with the given memory.
pub(crate) fn read_records(path: &str, records: &[Value], memory: &mut MapMemory) -> Vec<RedactedEvent> {
    read_with(path, &file(records), memory)
}

/// What a session with these records gives.
pub(crate) fn events(records: &[Value]) -> Vec<RedactedEvent> {
    read_records(&main_file(), records, &mut MapMemory::default())
}
