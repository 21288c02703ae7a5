//! Sources that join and leave while the server runs, and what is told to those that are not known.

use reqwest::Method;
use serde_json::Value;
use vibetea_protocol::SourceId;
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::harness::{Answer, SOURCE, Server, Setup, body, changed, event, eventually, key_of, now, send};
use crate::scope::{token, viewed};

fn named(name: &str) -> SourceId {
    name.parse().unwrap()
}

fn of(source: &str, n: u64) -> Vec<u8> {
    body(&[changed(event(n), "source", source)])
}

/// A server that nobody is configured for.
async fn empty() -> Server {
    let mut setup = Setup::new();
    setup.variables.remove("VIBETEA_SUBSCRIBER_TOKEN");
    setup.sources.clear();
    setup.start().await
}

async fn list(server: &Server, admin: &str) -> Vec<Value> {
    viewed(server, admin, "/api/v1/admin/sources").await.json()["sources"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_server_that_knows_nobody_starts_and_learns_of_others_while_it_runs() {
    let server = empty().await;
    assert_eq!(
        server.post("/ingest", "attic", of("attic", 1)).await.refusal(),
        (401, "unknown_source".to_owned())
    );
    assert_eq!(viewed(&server, "", "/query").await.status, 401);
    assert_eq!(viewed(&server, "vt_x", "/query").await.refusal(), (401, "invalid_token".to_owned()));
    let access = server.home().access().await;
    access.add_key(named("attic"), PublicKey::of(&key_of("attic")), now()).await.unwrap();
    eventually("the source is let in", async || {
        (server.post("/ingest", "attic", of("attic", 1)).await.status == 200).then_some(())
    })
    .await;
    let admin = token(&server, "admin", None, true).await;
    let answer =
        send(server.request(Method::DELETE, "/api/v1/admin/sources/attic").bearer_auth(&admin)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    for (path, n) in [("/ingest", 2), ("/events", 3)] {
        let answer = server.post(path, "attic", of("attic", n)).await;
        assert_eq!(answer.refusal(), (401, "unknown_source".to_owned()), "{path}");
    }
    let listed = list(&server, &admin).await;
    assert!(listed[0]["revoked"].is_string() && listed[0]["keys"] == Value::Array(Vec::new()), "{listed:?}");
    access.close().await;
}

#[tokio::test]
async fn several_keys_of_a_source_overlap_and_a_key_beside_the_configuration_is_as_good() {
    let server = Setup::new().start().await;
    let access = server.home().access().await;
    let second = PublicKey::of(&key_of("its second key"));
    access.add_key(named(SOURCE), second, now()).await.unwrap();
    let with = async |seed: &str, n: u64| {
        let text = of(SOURCE, n);
        let signature = sign_body(&key_of(seed), &text);
        let request = server.request(Method::POST, "/ingest").header("x-source-id", SOURCE);
        send(request.header("x-signature", signature).body(text)).await.status
    };
    eventually("the second key is taken", async || (with("its second key", 1).await == 200).then_some(()))
        .await;
    assert_eq!(with(SOURCE, 2).await, 200);
    assert_eq!(with("desktop", 3).await, 401, "a key of another source is none of this one");
    access.close().await;
}

#[tokio::test]
async fn when_a_source_was_last_seen_its_latest_event_and_its_release_are_told() {
    let server = Setup::new().start().await;
    let admin = token(&server, "admin", None, true).await;
    let laptop =
        async || list(&server, &admin).await.into_iter().find(|source| source["name"] == SOURCE).unwrap();
    assert!(laptop().await["lastSeen"].is_null() && laptop().await["configured"] == true);
    let event = changed(event(1), "timestamp", "2026-02-03T14:30:00Z");
    let request = server.signed("/ingest", SOURCE, body(&[event]));
    assert_eq!(send(request.header("user-agent", "vibetea-monitor/9.8.7")).await.status, 200);
    let seen = laptop().await;
    assert_eq!(
        (seen["version"].as_str(), seen["lastEvent"].as_str()),
        (Some("9.8.7"), Some("2026-02-03T14:30:00.000Z"))
    );
    assert!(seen["lastSeen"].as_str().unwrap() > "2026-02-03T14:30:00Z", "{seen}");
    // what a stranger says of itself is noted nowhere
    let text = body(&[crate::harness::event(2)]);
    let forged =
        server.request(Method::POST, "/ingest").header("x-source-id", SOURCE).header("x-signature", "x");
    assert_eq!(send(forged.header("user-agent", "vibetea-monitor/6.6.6").body(text)).await.status, 401);
    assert_eq!(laptop().await["version"], "9.8.7");
    // it outlives the server
    let home = server.home();
    server.stop().await;
    let activity = home.access().await.activity().await.unwrap();
    assert_eq!(activity[0].sighting.version.as_deref(), Some("9.8.7"));
}

/// Everything of an answer but when it was given.
fn words(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let kept = answer.headers.iter().filter(|(name, _)| *name != "date");
    let mut headers: Vec<_> = kept.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    headers.sort();
    (answer.status, answer.body.clone(), headers)
}

#[tokio::test]
async fn where_it_is_wished_an_unknown_source_is_answered_as_a_bad_signature() {
    let asked = async |server: &Server, source: &str, signed_by: &str| {
        let text = of(source, 1);
        let signature = sign_body(&key_of(signed_by), &text);
        let request = server.request(Method::POST, "/ingest").header("x-source-id", source);
        words(&send(request.header("x-signature", signature).body(text)).await)
    };
    let server = Setup::new().with("VIBETEA_UNIFORM_AUTH_ERRORS", "true").start().await;
    let bad = asked(&server, SOURCE, "somebody").await;
    assert_eq!(bad.0, 401);
    assert!(bad.1.contains("invalid_signature"), "{bad:?}");
    assert_eq!(asked(&server, "nobody", "nobody").await, bad);
    assert_eq!(asked(&server, SOURCE, SOURCE).await.0, 200);
    assert_eq!(asked(&server, "desktop", "desktop").await.0, 200);
    // the twin: otherwise the contract's codes tell them apart
    let server = Setup::new().start().await;
    assert_ne!(asked(&server, "nobody", "nobody").await, asked(&server, SOURCE, "somebody").await);
}
