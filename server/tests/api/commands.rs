//! `vibetea-server sources` and `vibetea-server tokens`, beside a running server and without one.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;
use vibetea_protocol::signing::PublicKey;

use crate::harness::{DEADLINE, SOURCE, Server, Setup, TOKEN, body, changed, event, key_of};
use crate::home::Home;
use crate::scope::viewed;

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    told: String,
}

async fn run(home: &Home, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vibetea-server"));
    command
        .env_clear()
        .env("HOME", home.dir())
        .env("VIBETEA_DATABASE_URL", home.url())
        .env("VIBETEA_PUBLIC_KEYS", format!("{SOURCE}:{}", key(SOURCE)))
        .env("VIBETEA_SUBSCRIBER_TOKEN", TOKEN)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let Output { status, stdout, stderr } = timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code(), out: text(stdout), told: text(stderr) }
}

fn key(source: &str) -> String {
    PublicKey::of(&key_of(source)).to_base64()
}

async fn done(home: &Home, arguments: &[&str]) -> Ended {
    let ended = run(home, arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

async fn sends(server: &Server, source: &str, n: u64) -> u16 {
    server.post("/ingest", source, body(&[changed(event(n), "source", source)])).await.status
}

#[tokio::test]
async fn sources_come_and_go_by_command_while_the_server_runs() {
    let server = Setup::new().start().await;
    let home = server.home();
    assert_eq!(sends(&server, "attic", 1).await, 401);
    done(&home, &["sources", "add", "attic", &key("attic")]).await;
    assert_eq!(sends(&server, "attic", 1).await, 200, "when the command is done it is in force");
    let listed = done(&home, &["sources", "list"]).await;
    assert!(listed.told.is_empty(), "{listed:?}");
    let rows: Vec<Vec<&str>> = listed.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (rows[0][0], rows[1][..2].join(" "), rows[2][..2].join(" ")),
        ("NAME", "attic registered".to_owned(), "laptop configured".to_owned())
    );
    let json: Value = serde_json::from_str(&done(&home, &["sources", "list", "--json"]).await.out).unwrap();
    assert_eq!(json["sources"][0]["name"], "attic");
    done(&home, &["sources", "rename", "attic", "cellar"]).await;
    assert_eq!(sends(&server, "attic", 2).await, 401);
    let text = body(&[changed(event(2), "source", "cellar")]);
    let signature = vibetea_protocol::signing::sign_body(&key_of("attic"), &text);
    let request = server.request(reqwest::Method::POST, "/ingest").header("x-source-id", "cellar");
    assert_eq!(crate::harness::send(request.header("x-signature", signature).body(text)).await.status, 200);
    done(&home, &["sources", "revoke", "cellar"]).await;
    let refused = server.post("/ingest", "cellar", body(&[changed(event(3), "source", "cellar")])).await;
    assert_eq!(refused.status, 401);
    let configured = run(&home, &["sources", "revoke", SOURCE]).await;
    assert_eq!(configured.code, Some(1), "{configured:?}");
    assert!(configured.told.contains("VIBETEA_PUBLIC_KEYS"), "{configured:?}");
    for (arguments, code, word) in [
        (&["sources", "revoke", "nobody"][..], 1, "nobody"),
        (&["sources", "add", "attic", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], 2, "weak"),
        (&["sources", "add", "attic", "bm90IGEga2V5"], 2, "32 bytes"),
        (&["sources", "add", "", &key("attic")], 2, "1 to 128"),
        (&["sources", "rename", "cellar", SOURCE], 1, "VIBETEA_PUBLIC_KEYS"),
        (&["sources"], 2, "list"),
        (&["sources", "list", "--database-url", "none"], 78, "keeps nothing"),
    ] {
        let ended = run(&home, arguments).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.told.contains(word) && ended.out.is_empty(), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn tokens_come_and_go_by_command_and_stand_alone_on_standard_output() {
    let server = Setup::new().start().await;
    let home = server.home();
    let made =
        done(&home, &["tokens", "create", "--name", "ada", "--source", SOURCE, "--expires", "90d"]).await;
    let token = made.out.trim_end().to_owned();
    assert!(token.starts_with("vt_") && made.out == format!("{token}\n"), "{made:?}");
    assert!(!made.told.contains(&token) && made.told.contains(SOURCE), "{made:?}");
    let who = viewed(&server, &token, "/api/v1/viewer").await;
    assert_eq!(who.json()["sources"], serde_json::json!([SOURCE]), "when the command is done it is in force");
    let admin = done(&home, &["tokens", "create", "--name", "root", "--admin"]).await.out;
    assert_eq!(viewed(&server, admin.trim_end(), "/api/v1/admin/tokens").await.status, 200);
    let listed = done(&home, &["tokens", "list"]).await.out;
    assert!(listed.contains("ada") && listed.contains("all, and the administration"), "{listed}");
    assert!(!listed.contains(&token), "{listed}");
    let json: Value = serde_json::from_str(&done(&home, &["tokens", "list", "--json"]).await.out).unwrap();
    assert_eq!(json["tokens"].as_array().unwrap().len(), 2);
    let rotated = done(&home, &["tokens", "rotate", "ada"]).await.out;
    assert_eq!(viewed(&server, &token, "/query").await.status, 401);
    assert_eq!(viewed(&server, rotated.trim_end(), "/query").await.status, 200);
    let revoked = done(&home, &["tokens", "revoke", "ada"]).await;
    assert!(revoked.out.is_empty(), "{revoked:?}");
    assert_eq!(viewed(&server, rotated.trim_end(), "/query").await.status, 401);
    for (arguments, code) in [
        (&["tokens", "revoke", "ada"][..], 1),
        (&["tokens", "create", "--name", "root"], 1),
        (&["tokens", "create"], 2),
        (&["tokens", "create", "--name", "a", "--admin", "--source", SOURCE], 2),
        (&["tokens", "create", "--name", "a", "--expires", "soon"], 2),
    ] {
        assert_eq!(run(&home, arguments).await.code, Some(code), "{arguments:?}");
    }
}

/// What is made without a server is there when one starts, and a list makes nothing.
#[tokio::test]
async fn commands_work_before_the_first_start() {
    let home = std::sync::Arc::new(Home::new());
    if home.url().starts_with("sqlite:") {
        let listed = run(&home, &["tokens", "list"]).await;
        assert_eq!(listed.code, Some(1), "{listed:?}");
        assert!(listed.told.contains("there is no database"), "{listed:?}");
    }
    let token = done(&home, &["tokens", "create", "--name", "first"]).await.out;
    done(&home, &["sources", "add", "attic", &key("attic")]).await;
    let server = Setup::at(std::sync::Arc::clone(&home)).start().await;
    assert_eq!(viewed(&server, token.trim_end(), "/query").await.status, 200);
    assert_eq!(sends(&server, "attic", 1).await, 200);
}

#[tokio::test]
async fn each_command_explains_itself_with_examples() {
    let home = Home::new();
    for command in
        [&["sources"][..], &["tokens"], &["sources", "add"], &["sources", "rename"], &["tokens", "create"]]
    {
        let arguments: Vec<&str> = command.iter().chain(&["--help"]).copied().collect();
        let help = done(&home, &arguments).await.out;
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    }
}
