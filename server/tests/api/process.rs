//! The program itself: exit codes, signals, and what its log holds.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::harness::{DEADLINE, SOURCE, TOKEN, body, event, key_of};

fn program(dir: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vibetea-server"));
    command
        .env_clear()
        .env("HOME", dir)
        .env("PORT", "0")
        .env("VIBETEA_DATA_DIR", dir)
        .env("VIBETEA_PUBLIC_KEYS", format!("{SOURCE}:{}", PublicKey::of(&key_of(SOURCE)).to_base64()))
        .env("VIBETEA_SUBSCRIBER_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_78_and_names_every_variable() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program(dir.path());
    command
        .env("PORT", "http")
        .env("VIBETEA_RATE_LIMIT_BURST", "lots")
        .env("VIBETEA_SUBSCRIBER_TOKEN", "se cret");
    let output = timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    for name in ["PORT", "VIBETEA_RATE_LIMIT_BURST", "VIBETEA_SUBSCRIBER_TOKEN", "http", "lots"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(!told.contains("se cret"), "{told}");
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_wrong_flag_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        timeout(DEADLINE, program(dir.path()).arg("--no-such-flag").output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// A running program and the address its log tells.
async fn started(command: &mut Command) -> (Child, String, BufReader<tokio::process::ChildStderr>, String) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut log = String::new();
    let address = async {
        loop {
            let start = log.len();
            assert!(lines.read_line(&mut log).await.unwrap() > 0, "it ended: {log}");
            let line: serde_json::Value =
                serde_json::from_str(&log[start..]).expect("each line of the log is JSON");
            if line["message"] == "listening" {
                return line["address"].as_str().unwrap().to_owned();
            }
        }
    };
    let address = timeout(DEADLINE, address).await.expect("it listens");
    (child, address, lines, log)
}

async fn terminate(child: &mut Child) -> Option<i32> {
    let kill = Command::new("kill").arg("-TERM").arg(child.id().unwrap().to_string()).status().await.unwrap();
    assert!(kill.success());
    timeout(DEADLINE, child.wait()).await.expect("it ends").unwrap().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_log_at_its_most_talkative() {
    const WRONG: [&str; 4] = [
        "wrong-token-in-a-header",
        "wrong-token-in-a-query",
        "wrong-ticket-in-a-query",
        "wrong-signature-0123",
    ];
    let dir = tempfile::tempdir().unwrap();
    let made = program(dir.path()).args(["tokens", "create", "--name", "ada lovelace"]).output();
    let made = timeout(DEADLINE, made).await.unwrap().unwrap();
    let issued = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(issued.starts_with("vt_") && !String::from_utf8(made.stderr).unwrap().contains(&issued));
    let (mut child, address, mut lines, mut log) =
        started(program(dir.path()).env("RUST_LOG", "trace")).await;
    let reader = tokio::spawn(async move {
        let mut rest = Vec::new();
        lines.read_to_end(&mut rest).await.unwrap();
        String::from_utf8(rest).unwrap()
    });
    let text = body(&[event(1)]);
    let signature = sign_body(&key_of(SOURCE), &text);
    let length = text.len();
    let body = String::from_utf8(text).unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for (line, headers, body, status) in [
        ("GET /query", format!("Authorization: Bearer {TOKEN}"), "", 200),
        ("GET /query", format!("Authorization: Bearer {issued}"), "", 200),
        (&format!("GET /ws?token={issued}"), upgrade.to_owned(), "", 101),
        ("GET /query", format!("Authorization: Bearer {}", WRONG[0]), "", 401),
        ("GET /query?token=wrong-token-in-a-query", String::new(), "", 401),
        (&format!("GET /ws?token={TOKEN}"), upgrade.to_owned(), "", 101),
        (&format!("GET /ws?token={}", WRONG[1]), upgrade.to_owned(), "", 401),
        (&format!("GET /ws?ticket={}", WRONG[2]), upgrade.to_owned(), "", 401),
        (&format!("GET /health?token={TOKEN}"), String::new(), "", 200),
        (&format!("GET /nothing/{TOKEN}"), String::new(), "", 404),
        (&format!("BREW /ws?token={TOKEN}"), String::new(), "", 405),
        ("POST /ingest", format!("X-Source-ID: {SOURCE}\r\nX-Signature: {}", WRONG[3]), "[]", 401),
        ("POST /events", format!("X-Source-ID: {SOURCE}\r\nX-Signature: {signature}"), &body, 202),
    ] {
        use tokio::io::AsyncWriteExt as _;
        let closing = if headers.contains("Upgrade") { "" } else { "Connection: close\r\n" };
        let headers = if headers.is_empty() { headers } else { headers + "\r\n" };
        let length = if body.len() > 2 { length } else { body.len() };
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\n{closing}{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        timeout(DEADLINE, stream.read_exact(&mut head)).await.unwrap().unwrap();
        assert_eq!(crate::harness::status_of(&String::from_utf8_lossy(&head)), status, "{line}");
    }
    assert_eq!(terminate(&mut child).await, Some(0));
    log += &timeout(Duration::from_secs(10), reader).await.unwrap().unwrap();
    assert!(log.lines().count() > 11, "the log is there: {log}");
    assert!(log.contains("/query"), "it tells routes: {log}");
    let leaks = |log: &str| {
        let session = "6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d";
        let secrets = WRONG.iter().copied().chain([TOKEN, issued.as_str(), signature.as_str(), session]);
        secrets.filter(|secret| log.contains(secret)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(leaks(&log), Vec::<String>::new(), "{log}");
    // the twin: a log that held one would be caught
    assert_eq!(leaks(&format!("{log}\nGET /ws?token={TOKEN}")), [TOKEN]);
    assert!(!is_in_a_file(dir.path(), TOKEN) && !is_in_a_file(dir.path(), &issued[3..]), "a token is kept");
    assert!(is_in_a_file(dir.path(), "ada lovelace"), "what is kept is found");
}

fn is_in_a_file(dir: &std::path::Path, text: &str) -> bool {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// Whoever reads the log may go first; the server neither falters nor stays behind.
#[tokio::test]
async fn a_log_that_nobody_reads_any_more_changes_nothing() {
    use tokio::io::AsyncWriteExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (mut child, address, log, _) = started(program(dir.path()).env("RUST_LOG", "trace")).await;
    drop(log);
    for _ in 0..3 {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!("GET /query HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = crate::harness::read_to_close(&mut stream).await;
        assert_eq!(crate::harness::status_of(&answer), 401, "{answer}");
    }
    assert_eq!(terminate(&mut child).await, Some(0));
}

#[tokio::test]
async fn a_server_that_admits_nobody_says_which_commands_change_that() {
    const COMMANDS: [&str; 2] =
        ["vibetea-server enroll <source>", "vibetea-server tokens create --name <name>"];
    let dir = tempfile::tempdir().unwrap();
    let log = async |without: &[&str]| {
        let mut command = program(dir.path());
        for name in without {
            command.env_remove(name);
        }
        let (mut child, _, _lines, log) = started(&mut command).await;
        assert_eq!(terminate(&mut child).await, Some(0));
        log
    };
    let told = log(&["VIBETEA_PUBLIC_KEYS", "VIBETEA_SUBSCRIBER_TOKEN"]).await;
    let sentence = told.lines().find(|line| line.contains(COMMANDS[0])).unwrap_or_default();
    assert!(sentence.contains("nobody may send or watch yet") && sentence.contains(COMMANDS[1]), "{told}");
    let told = log(&["VIBETEA_SUBSCRIBER_TOKEN"]).await;
    assert!(told.contains(COMMANDS[1]) && !told.contains(COMMANDS[0]), "{told}");
    let told = log(&[]).await;
    assert!(COMMANDS.iter().all(|command| !told.contains(command)), "{told}");
}

#[tokio::test]
async fn a_signal_ends_it_with_0() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, _, _log, _) = started(&mut program(dir.path())).await;
    assert_eq!(terminate(&mut child).await, Some(0));
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = timeout(DEADLINE, program(dir.path()).env("PORT", &port).output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&port) && told.contains("PORT"), "{told}");
}
