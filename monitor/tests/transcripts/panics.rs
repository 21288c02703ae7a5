//! A line that breaks the program costs itself alone, and its text stays where it is.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::Write;
use std::panic::{catch_unwind, set_hook};
use std::sync::{Arc, Mutex};

use vibetea_monitor::identity::{CallKey, NaturalKey};
use vibetea_monitor::interpret::{
    Call, FileContext, FileKind, FileState, LineOutcome, Memory, WaitingResult,
};
use vibetea_protocol::Timestamp;
use vibetea_protocol::names::{BaseName, SessionId};

use crate::harness::{MapMemory, interpreter, main_file};
use crate::lines::{call, prompt};

const SECRET: &str = "xylophone-canary";

/// Breaks as a slip in our own code would: the message quotes the text.
#[derive(Default)]
struct BreakingMemory {
    sound: MapMemory,
    text: RefCell<String>,
}

impl Memory for BreakingMemory {
    type Error = Infallible;

    fn call(&mut self, _: CallKey) -> Result<Option<Call>, Infallible> {
        let text = self.text.borrow();
        panic!("byte index 1 is not a char boundary of `{text}`");
    }

    fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), Infallible> {
        self.sound.remember_call(key, call)
    }

    fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, Infallible> {
        self.sound.waiting_result(key)
    }

    fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), Infallible> {
        self.sound.remember_result(key, result)
    }

    fn forget_result(&mut self, key: CallKey) -> Result<(), Infallible> {
        self.sound.forget_result(key)
    }

    fn first_sight(&mut self, key: NaturalKey) -> Result<bool, Infallible> {
        self.sound.first_sight(key)
    }

    fn session_project(&mut self, session: &SessionId) -> Result<Option<BaseName>, Infallible> {
        self.sound.session_project(session)
    }

    fn remember_project(&mut self, session: &SessionId, project: &BaseName) -> Result<(), Infallible> {
        self.sound.remember_project(session, project)
    }

    fn earlier_record(&mut self, uuid: &str) -> Result<Option<Timestamp>, Infallible> {
        self.sound.earlier_record(uuid)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The hook is the whole process's; the test runner gives each test a process of its own.
#[test]
fn a_line_that_breaks_the_program_is_left_out_and_not_told() {
    let said = Log::default();
    let usual = said.clone();
    set_hook(Box::new(move |panic| writeln!(usual.clone(), "{panic}").unwrap()));
    let log = Log::default();
    let writer = log.clone();
    let everything =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _subscriber = tracing::subscriber::set_default(everything.finish());

    let interpreter = interpreter();
    let path = main_file();
    let context = FileContext { relative_path: &path, kind: FileKind::Main };
    let mut memory = BreakingMemory::default();
    let (mut state, mut events) = (FileState::default(), Vec::new());
    let lines = [
        prompt("u1", 0, SECRET),
        call("a1", 1, "toolu_1", "Bash", &serde_json::json!({"command": SECRET})),
        prompt("u2", 2, SECRET),
    ];
    let outcomes = lines.map(|line| {
        let line = line.to_string();
        memory.text.replace(line.clone());
        interpreter.line(&context, &mut state, 0, line.as_bytes(), &mut memory, &mut events).unwrap()
    });
    assert_eq!(outcomes, [LineOutcome::Understood, LineOutcome::Unreadable, LineOutcome::Understood]);
    let kinds: Vec<_> = events.iter().map(|event| event.event_type().as_str()).collect();
    assert_eq!(kinds, ["session", "activity", "activity"]);
    assert!(log.text().contains("panics.rs"), "the place is told: {}", log.text());
    assert!(!log.text().contains(SECRET), "{}", log.text());
    assert_eq!(said.text(), "");

    // planted bug: the same slip where nobody holds it
    let _ = catch_unwind(|| panic!("byte index 1 is not a char boundary of `{SECRET}`"));
    assert!(said.text().contains(SECRET), "{}", said.text());
}
