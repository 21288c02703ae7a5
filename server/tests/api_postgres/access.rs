//! Several servers on one database: what one of them changes is in force on all.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use vibetea_protocol::signing::PublicKey;

use crate::harness::{Server, Setup, body, changed, event, eventually, id, key_of, now, send};
use crate::home::Home;
use crate::scope::{token, viewed};
use crate::subscriber::open;

async fn two() -> (Server, Server) {
    let home = Arc::new(Home::new());
    let start = || Setup::at(Arc::clone(&home)).start();
    (start().await, start().await)
}

async fn ticket(server: &Server, token: &str) -> String {
    let answer = send(server.request(Method::POST, "/api/v1/ticket").bearer_auth(token)).await;
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_is_told_is_in_force_on_the_others_when_it_answers() {
    let (first, second) = two().await;
    let admin = token(&first, "admin", None, true).await;
    let ask = |method, path: &str| first.request(method, path).bearer_auth(&admin);
    let made = send(ask(Method::POST, "/api/v1/admin/tokens").json(&json!({ "name": "ada" }))).await.json();
    let ada = made["token"].as_str().unwrap();
    assert_eq!(viewed(&second, ada, "/query").await.status, 200);
    let mut socket = open(&second, &format!("/ws?ticket={}", ticket(&first, ada).await), &[]).await.unwrap();
    let unused = ticket(&second, ada).await;
    assert_eq!(send(ask(Method::DELETE, "/api/v1/admin/tokens/ada")).await.status, 204);
    assert_eq!(viewed(&second, ada, "/query").await.refusal(), (401, "invalid_token".to_owned()));
    assert_eq!(socket.close_frame().await.map(|end| end.code), Some(CloseCode::Policy));
    assert!(open(&first, &format!("/ws?ticket={unused}"), &[]).await.is_err());

    let attic = body(&[changed(event(1), "source", "attic")]);
    let access = first.home().access().await;
    access.add_key("attic".parse().unwrap(), PublicKey::of(&key_of("attic")), now()).await.unwrap();
    access.close().await;
    eventually("the source is let in", async || {
        (second.post("/ingest", "attic", attic.clone()).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(send(ask(Method::DELETE, "/api/v1/admin/sources/attic")).await.status, 204);
    assert_eq!(second.post("/ingest", "attic", attic).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_shows_on_every_server_what_its_token_shows() {
    let (first, second) = two().await;
    let scoped = token(&first, "one", Some(&["laptop"]), false).await;
    eventually("the other server knows the token", async || {
        (viewed(&second, &scoped, "/query").await.status == 200).then_some(())
    })
    .await;
    let path = format!("/ws?ticket={}", ticket(&first, &scoped).await);
    let mut viewer = open(&second, &path, &[]).await.unwrap();
    for (n, source) in [(1, "desktop"), (2, "laptop")] {
        let text = body(&[changed(event(n), "source", source)]);
        assert_eq!(first.post("/events", source, text).await.status, 202);
    }
    assert_eq!(viewer.frame().await["id"], id(2));
}

/// A server without authentication hands out tickets to everybody: they open no other server.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_cost_no_token_opens_no_server_that_asks_for_one() {
    let home = Arc::new(Home::new());
    let guarded = Setup::at(Arc::clone(&home)).start().await;
    let mut setup = Setup::at(home).with("VIBETEA_UNSAFE_NO_AUTH", "true");
    setup.sources.clear();
    let free = setup.start().await;
    let answer = send(free.request(Method::POST, "/api/v1/ticket")).await.json();
    let path = format!("/ws?ticket={}", answer["ticket"].as_str().unwrap());
    assert_eq!(open(&guarded, &path, &[]).await.err(), Some((401, "invalid_token".to_owned())));
}
