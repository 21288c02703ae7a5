//! The program itself, with a home of its own, and a server that keeps every byte.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nobody listens there.
pub(crate) const DEAD_SERVER: &str = "http://127.0.0.1:9";

/// A home directory with a key, the same for every desk.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    home: String,
    variables: Vec<(&'static str, String)>,
}

impl Desk {
    /// With the home directory's name.
    pub(crate) fn new(home: &str, variables: &[(&'static str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let desk = Self { folder: tempfile::tempdir().unwrap(), home: home.to_owned(), variables };
        let keys = desk.path(".vibetea");
        fs::create_dir_all(&keys).unwrap();
        fs::write(keys.join("key.priv"), [7; 32]).unwrap();
        fs::set_permissions(keys.join("key.priv"), fs::Permissions::from_mode(0o600)).unwrap();
        desk
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(&self.home).join(relative)
    }

    /// Appends lines to a transcript.
    pub(crate) fn write(&self, transcript: &str, lines: &[u8]) {
        let path = self.path(".claude/projects").join(transcript);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(lines).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vibetea-monitor"));
        command.args(arguments).env_clear().env("HOME", self.path("")).stdin(Stdio::null());
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Starts `run`.
    pub(crate) fn start(&self, server: &str) -> Run {
        let mut command = self.command(&["run"]);
        let mut child = command
            .env("VIBETEA_SERVER_URL", server)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told: Arc<Mutex<Vec<u8>>> = Arc::default();
        keep(child.stderr.take().unwrap(), told.clone());
        keep(child.stdout.take().unwrap(), told.clone());
        Run { child, told }
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.status()["counters"][name].as_u64().unwrap_or(0)
    }

    /// How many events wait, for both destinations together.
    pub(crate) fn waiting(&self) -> Option<u64> {
        let status = self.status();
        Some(status["live"]["waiting"].as_u64()? + status["batch"]["waiting"].as_u64()?)
    }

    /// Every byte of every file that the monitor keeps, and what it says of itself but for where that is.
    pub(crate) fn kept(&self) -> Vec<u8> {
        let status = String::from_utf8(self.command(&["status"]).output().unwrap().stdout).unwrap();
        let mut bytes = status.replace(self.path("").to_str().unwrap(), "~/").into_bytes();
        for entry in walkdir::WalkDir::new(self.path(".local")) {
            let entry = entry.unwrap();
            bytes.extend_from_slice(entry.file_name().as_encoded_bytes());
            if entry.file_type().is_file() {
                bytes.extend(fs::read(entry.path()).unwrap());
            }
        }
        bytes
    }
}

fn keep(mut from: impl std::io::Read + Send + 'static, told: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            told.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
    });
}

/// A running monitor.
pub(crate) struct Run {
    child: Child,
    told: Arc<Mutex<Vec<u8>>>,
}

impl Run {
    /// What it said so far.
    pub(crate) fn told(&self) -> Vec<u8> {
        self.told.lock().unwrap().clone()
    }

    /// Stops it as a person would; everything it said.
    pub(crate) fn stop(mut self) -> Vec<u8> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&self.told()));
        self.told()
    }
}

impl Drop for Run {
    /// At once, as a crash would.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One request, as it came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

/// What is answered; nothing is a connection that is closed.
pub(crate) type Answer = Box<dyn Fn(&Request) -> Option<Vec<u8>> + Send + Sync>;

/// Keeps every request.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, answer) = (requests.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || serve(&stream, &kept, answer.as_ref()));
            }
        });
        Self { url, requests }
    }

    /// Takes everything.
    pub(crate) fn accepting() -> Self {
        Self::answering(Box::new(|_| Some(reply("202 Accepted", "", b""))))
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

pub(crate) fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Request>>, answer: &Answer) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .to_ascii_lowercase()
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap_or_default().parse().unwrap());
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let request = Request { head, body };
        let answer = answer(&request);
        kept.lock().unwrap().push(request);
        let Some(answer) = answer else { return };
        if (&*stream).write_all(&answer).is_err() {
            return;
        }
    }
}
