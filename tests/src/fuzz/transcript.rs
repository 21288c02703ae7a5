//! The lines of a transcript.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing_subscriber::util::SubscriberInitExt as _;
use vibetea_monitor::identity::{CallKey, Identity, NaturalKey};
use vibetea_monitor::interpret::{
    Call, FileContext, FileKind, FileState, Interpreter, Memory, WaitingResult,
};
use vibetea_monitor::privacy::{Policy, RedactedEvent};
use vibetea_protocol::batch::{IdRule, parse};
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;
use vibetea_protocol::names::{BaseName, SessionId};
use vibetea_protocol::{SourceId, Timestamp};

const MOST_LINES: usize = 200;
const PATH: &str = "-home-dev-shop/11111111-2222-4333-8444-555555555555.jsonl";

/// Whatever the lines hold, none breaks the program, and a server takes every event they give.
pub fn transcript_line(data: &[u8]) {
    let source: SourceId = "desk".parse().expect("a good name");
    let identity = Identity::new(&[7; 32], &source);
    let interpreter = Interpreter::new(Policy::default(), identity, Duration::from_mins(30));
    let complaints = Complaints::default();
    let writer = complaints.clone();
    let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR);
    let _log = log.with_writer(move || writer.clone()).set_default();
    let (mut state, mut memory, mut position) = (FileState::default(), Maps::default(), 0);
    for line in data.split(|byte| *byte == b'\n').take(MOST_LINES) {
        let file = FileContext { relative_path: PATH, kind: FileKind::Main };
        let mut events = Vec::new();
        // a line that breaks the program is contained and told in the log
        let Ok(_) = interpreter.line(&file, &mut state, position, line, &mut memory, &mut events);
        position += u64::try_from(line.len()).unwrap_or(0) + 1;
        for event in &events {
            is_taken(event, &source);
        }
    }
    assert_eq!(complaints.text(), "");
}

fn is_taken(event: &RedactedEvent, source: &SourceId) {
    let (mut body, payload) = (String::new(), event.payload_json());
    let (id, timestamp) = (event.id(), event.timestamp());
    write_event(&mut body, TypeField::EventType, &id, source, timestamp, event.event_type(), &payload);
    let parsed = parse(body.as_bytes(), source.as_str(), IdRule::LowerCase);
    assert!(parsed.is_ok_and(|events| events.len() == 1), "a server does not take {body}");
}

/// What is logged as an error.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Vec<u8>>>);

impl Complaints {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Complaints {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Maps {
    calls: HashMap<CallKey, Call>,
    results: HashMap<CallKey, WaitingResult>,
    seen: HashSet<NaturalKey>,
    projects: HashMap<SessionId, BaseName>,
}

impl Memory for Maps {
    type Error = Infallible;

    fn call(&mut self, key: CallKey) -> Result<Option<Call>, Infallible> {
        Ok(self.calls.get(&key).cloned())
    }

    fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), Infallible> {
        self.calls.insert(key, call.clone());
        Ok(())
    }

    fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, Infallible> {
        Ok(self.results.get(&key).cloned())
    }

    fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), Infallible> {
        self.results.insert(key, result.clone());
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

    fn earlier_record(&mut self, _: &str) -> Result<Option<Timestamp>, Infallible> {
        Ok(None)
    }
}
