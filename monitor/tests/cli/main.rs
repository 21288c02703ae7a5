//! The program as people run it: arguments, environment, exit status, signals.

#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod configuration;
mod delivery;
mod doctor;
mod init;
mod joining;
mod preview;
mod records;
mod rotation;
mod service;
mod settings;
mod status;
mod usage;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A home of its own, with nothing of the machine's environment.
struct Home {
    folder: tempfile::TempDir,
}

/// What a program said and how it ended.
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A home in which `init` has run.
    fn with_key() -> Self {
        let home = Self::new();
        assert_eq!(home.run(&["init"], &[]).status, 0);
        home
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn command(&self, args: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vibetea-monitor"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("VIBETEA_SOURCE_ID", "test-source")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> Ended {
        let output = self.command(args, environment).output().unwrap();
        Ended {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn start(&self, server: &str, environment: &[(&str, &str)]) -> Monitor {
        let mut all = vec![("VIBETEA_SERVER_URL", server)];
        all.extend_from_slice(environment);
        let mut child = self.command(&["run"], &all).spawn().unwrap();
        let log: Arc<Mutex<String>> = Arc::default();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let monitor = Monitor { child, log };
        eventually("the start", || monitor.log().contains("monitor started"));
        monitor
    }

    /// Writes a session with as many prompts; the first record starts the session.
    fn write_session(&self, number: u32, prompts: std::ops::Range<u32>) {
        let session = format!("{number:08}-0000-4000-8000-000000000000");
        let file = self.path(&format!(".claude/projects/-home-dev-shop/{session}.jsonl"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut text = String::new();
        for prompt in prompts {
            let now = vibetea_protocol::Clock::System.now();
            let record = serde_json::json!({
                "type": "user", "sessionId": session, "cwd": "/home/dev/shop",
                "uuid": format!("{number:08}-0000-4000-9000-{prompt:012}"),
                "timestamp": now.to_string(), "isSidechain": false, "userType": "external",
                "message": {"role": "user", "content": SECRET},
            });
            text.push_str(&record.to_string());
            text.push('\n');
        }
        let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

/// What a person typed; never to be seen anywhere.
const SECRET: &str = "please deploy the xylophone-canary";

/// A running `vibetea-monitor run`.
struct Monitor {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Monitor {
    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn wait(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes every request and answers with one status.
struct Server {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn answering(status: u16) -> Self {
        Self::saying(&format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"))
    }

    /// Answers every request with the same bytes.
    fn saying(answer: &str) -> Self {
        let answer: Arc<str> = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &answer, &kept));
            }
        });
        Self { url, bodies }
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// The events of all requests, in the order of their arrival.
    fn events(&self) -> Vec<serde_json::Value> {
        self.bodies()
            .iter()
            .flat_map(|body| serde_json::from_str::<Vec<serde_json::Value>>(body).unwrap())
            .collect()
    }
}

fn serve(stream: TcpStream, answer: &str, bodies: &Mutex<Vec<String>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        bodies.lock().unwrap().push(String::from_utf8(body).unwrap());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the one switch between the short and the long form")]
fn long_form() -> bool {
    std::env::var_os("VIBETEA_SOAK").is_some()
}
