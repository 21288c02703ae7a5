//! Tokens that show some sources alone: on every route, on the socket, and no longer than they are good.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use vibetea_server::store::{NewToken, later};

use crate::harness::{Server, Setup, body, changed, event, eventually, id, now, send};
use crate::subscriber::{Subscriber, open};

const SOURCES: [&str; 3] = ["laptop", "desktop", "attic"];
const RESET: &str = r#"{"control":"reset"}"#;

/// Makes a token beside the server, as the command does, and waits until the server knows it.
pub(crate) async fn token(server: &Server, name: &str, sources: Option<&[&str]>, admin: bool) -> String {
    let sources = sources.map(|sources| sources.iter().map(|source| source.parse().unwrap()).collect());
    let wanted = NewToken { name: name.to_owned(), admin, sources, lifetime: None };
    issue(server, wanted).await
}

async fn issue(server: &Server, wanted: NewToken) -> String {
    let access = server.home().access().await;
    let token = access.create_token(wanted, now()).await.unwrap().token.expose();
    access.close().await;
    eventually("the server knows the token", async || {
        (viewed(server, &token, "/api/v1/viewer").await.status == 200).then_some(())
    })
    .await;
    token
}

pub(crate) async fn viewed(server: &Server, token: &str, path: &str) -> crate::harness::Answer {
    send(server.request(Method::GET, path).bearer_auth(token)).await
}

/// An event of a source whose session, project and tool carry its name.
fn telling(n: u64, source: &str) -> Value {
    let payload = json!({
        "sessionId": format!("session of {source}"), "project": format!("project of {source}"),
        "tool": format!("mcp__{source}"), "status": "completed", "durationMs": 7,
    });
    changed(changed(event(n), "source", source), "payload", payload)
}

async fn filled() -> Server {
    let server = Setup::new().with_sources(["attic".to_owned()]).start().await;
    for (n, source) in SOURCES.into_iter().enumerate() {
        let n = n as u64 * 10;
        for path in ["/events", "/ingest"] {
            let n = if path == "/events" { n + 1 } else { n + 2 };
            let answer = server.post(path, source, body(&[telling(n, source)])).await;
            assert!(answer.status < 300, "{answer:?}");
        }
    }
    server
}

/// Every route that answers data.
fn routes() -> Vec<String> {
    let (from, to) = (later(now(), Duration::ZERO), later(now(), Duration::from_hours(1)));
    let from = vibetea_protocol::Timestamp::from_micros(from.as_micros() - 3_600_000_000).unwrap();
    vec![
        "/functions/v1/query?".to_owned(),
        "/query?days=30".to_owned(),
        "/api/v1/totals?".to_owned(),
        "/api/v1/events?".to_owned(),
        "/api/v1/events?limit=1".to_owned(),
        "/api/v1/events?type=tool".to_owned(),
        "/api/v1/events?after=0-".to_owned(),
        "/api/v1/sessions?".to_owned(),
        format!("/api/v1/sessions?from={from}&to={to}"),
        format!("/api/v1/counts?from={from}&to={to}&split=source"),
        format!("/api/v1/counts?from={from}&to={to}&by=hourOfWeek"),
        "/api/v1/breakdowns?".to_owned(),
        format!("/api/v1/breakdowns?from={from}"),
    ]
}

/// Routes of the server that are asked in other ways here, or have nothing to tell of what sources sent.
const OTHERS: [&str; 22] = [
    "/",
    "/api/v1/admin/enrolments",
    "/api/v1/admin/sources",
    "/api/v1/admin/sources/x",
    "/api/v1/admin/tokens",
    "/api/v1/admin/tokens/x",
    "/api/v1/admin/tokens/x/rotate",
    "/api/v1/capabilities",
    "/api/v1/enrol",
    "/api/v1/openapi.json",
    "/api/v1/rotate",
    "/api/v1/sessions/x",
    "/api/v1/ticket",
    "/api/v1/viewer",
    "/events",
    "/functions/v1/ingest",
    "/health",
    "/ingest",
    "/livez",
    "/metrics",
    "/readyz",
    "/ws",
];

/// A route that is new has to be put among those that are asked, or among the others.
#[test]
fn every_route_of_the_server_is_asked_or_has_nothing_to_tell() {
    let asked = routes();
    let asked = asked.iter().filter_map(|path| path.split('?').next());
    let known: BTreeSet<&str> = asked.chain(OTHERS).collect();
    let real = crate::routes::routes();
    assert_eq!(known, real.iter().map(String::as_str).collect());
}

/// Which routes, of all that the server has, name a source that the token does not show, or what came from it.
async fn leaks(server: &Server, token: &str) -> Vec<String> {
    let mut found = Vec::new();
    let session = "/api/v1/sessions/session%20of%20desktop".to_owned();
    for path in crate::routes::routes().into_iter().chain(routes()).chain([session]) {
        if viewed(server, token, &path).await.body.contains("desktop") {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn no_route_at_all_tells_a_scoped_token_of_others() {
    let server = filled().await;
    let token = token(&server, "two", Some(&["laptop", "attic", "nobody"]), false).await;
    assert_eq!(leaks(&server, &token).await, Vec::<String>::new());
    // the twin: a scope that is lost is seen, on every route that has names to tell
    server.home().execute(
        "UPDATE viewer_token SET sources = NULL WHERE name = 'two'; UPDATE access_version SET version = version + 1",
    );
    eventually("the server knows of it", async || {
        let viewer = viewed(&server, &token, "/api/v1/viewer").await.json();
        viewer["sources"].is_null().then_some(())
    })
    .await;
    let leaks = leaks(&server, &token).await;
    for path in ["/query", "/functions/v1/query", "/api/v1/events", "/api/v1/sessions", "/api/v1/breakdowns"]
    {
        assert!(leaks.iter().any(|leak| leak == path), "{path} is not among {leaks:?}");
    }
    assert!(leaks.iter().any(|leak| leak.contains("split=source")), "{leaks:?}");
    assert!(leaks.iter().any(|leak| leak.contains("sessions/session")), "{leaks:?}");
}

/// What an answer says of whom, without the moment at which it was given.
fn told(answer: &crate::harness::Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut told = answer.json();
    for field in ["meta", "fetchedAt"] {
        if let Some(meta) = told.as_object_mut().and_then(|told| told.get_mut(field)) {
            if let Some(meta) = meta.as_object_mut() {
                meta.remove("fetchedAt");
            } else {
                *meta = Value::Null;
            }
        }
    }
    told
}

#[tokio::test]
async fn a_scoped_token_is_told_of_its_sources_alone_on_every_route() {
    let server = filled().await;
    let one = token(&server, "one", Some(&["laptop"]), false).await;
    let two = token(&server, "two", Some(&["laptop", "attic", "nobody"]), false).await;
    let all = token(&server, "all", None, false).await;
    for path in routes() {
        let full = viewed(&server, &all, &path).await;
        let narrow = viewed(&server, &two, &path).await;
        assert_eq!(narrow.status, 200, "{path}: {narrow:?}");
        assert!(!narrow.body.contains("desktop"), "{path}: {narrow:?}");
        // the twin: what is looked for is there for whoever sees everything
        let may_name = !path.contains("totals")
            && !path.contains("hourOfWeek")
            && !path.contains("limit=1")
            && !path.contains("after=");
        assert!(full.body.contains("desktop") || !may_name, "{path}: {full:?}");
        assert!(told(&full) != told(&narrow) || path.contains("limit=1"), "{path}");
        if path.contains("totals") {
            assert_eq!((full.json()["events"].clone(), full.json()["sources"].clone()), (json!(6), json!(3)));
            assert_eq!(
                (narrow.json()["events"].clone(), narrow.json()["sources"].clone()),
                (json!(4), json!(2))
            );
            continue;
        }
        let joint = if path.ends_with('?') { "" } else { "&" };
        let by_filter = viewed(&server, &all, &format!("{path}{joint}source=laptop")).await;
        assert_eq!(told(&viewed(&server, &one, &path).await), told(&by_filter), "{path}");
        let asked = viewed(&server, &two, &format!("{path}{joint}source=laptop")).await;
        assert_eq!(told(&asked), told(&by_filter), "{path}");
        // what lies beyond the scope is as what nobody ever sent
        let foreign = viewed(&server, &two, &format!("{path}{joint}source=desktop")).await;
        let nobody = viewed(&server, &all, &format!("{path}{joint}source=somebody")).await;
        assert_eq!(told(&foreign), told(&nobody), "{path}");
    }
    for (token, source, status) in
        [(&one, "laptop", 200), (&one, "desktop", 404), (&two, "attic", 200), (&all, "desktop", 200)]
    {
        let session = format!("/api/v1/sessions/session%20of%20{source}");
        assert_eq!(viewed(&server, token, &session).await.status, status, "{source}");
    }
    let who = viewed(&server, &two, "/api/v1/viewer").await.json();
    assert_eq!((&who["admin"], &who["sources"]), (&json!(false), &json!(["attic", "laptop", "nobody"])));
    let who = viewed(&server, &all, "/api/v1/viewer").await.json();
    assert_eq!((&who["admin"], &who["sources"]), (&json!(false), &json!(null)));
}

async fn watch(server: &Server, token: &str, query: &str) -> Subscriber {
    open(server, &format!("/ws{query}"), &[("Authorization", &format!("Bearer {token}"))]).await.unwrap()
}

#[tokio::test]
async fn a_scoped_socket_is_told_of_its_sources_alone_live_and_replayed() {
    let server = filled().await;
    let token = token(&server, "one", Some(&["laptop", "nobody"]), false).await;
    let mut live = watch(&server, &token, "").await;
    let mut asked = watch(&server, &token, "?source=desktop").await;
    let mut resumed = watch(&server, &token, &format!("?last_event_id={}", id(1))).await;
    for (n, source) in [(101, "desktop"), (102, "attic"), (103, "laptop")] {
        assert_eq!(server.post("/events", source, body(&[telling(n, source)])).await.status, 202);
    }
    assert_eq!(live.frame().await["id"], id(103));
    assert_eq!(resumed.frame().await["id"], id(103), "of the others it is told in no replay either");
    // an event of somebody else is as one that there is not
    for unknown in [id(11), id(21), id(12), id(99)] {
        let mut reset = watch(&server, &token, &format!("?last_event_id={unknown}")).await;
        assert_eq!(reset.text().await, RESET, "{unknown}");
    }
    server.live(&[telling(104, "laptop")]).await;
    assert_eq!(live.frame().await["id"], id(104));
    server.ask_to_stop();
    let end = asked.close_frame().await.map(|frame| frame.code);
    assert_eq!(end, Some(CloseCode::Away), "it was told of nothing");
    // the twin: whoever sees everything resumes behind any event
    let server = filled().await;
    let mut all = Subscriber::connect(&server, &format!("?last_event_id={}", id(11))).await;
    assert_eq!(all.frame().await["id"], id(21));
}

async fn ticket(server: &Server, token: &str) -> String {
    let answer = send(server.request(Method::POST, "/api/v1/ticket").bearer_auth(token)).await;
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_shows_what_its_token_shows() {
    let server = filled().await;
    let token = token(&server, "one", Some(&["laptop"]), false).await;
    let path = format!("/ws?ticket={}", ticket(&server, &token).await);
    let mut viewer = open(&server, &path, &[]).await.unwrap();
    for (n, source) in [(101, "desktop"), (102, "laptop")] {
        assert_eq!(server.post("/events", source, body(&[telling(n, source)])).await.status, 202);
    }
    assert_eq!(viewer.frame().await["id"], id(102));
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_request_on_and_its_sockets_end() {
    let server = filled().await;
    let (doomed, other) =
        (token(&server, "doomed", None, false).await, token(&server, "other", None, false).await);
    let admin = token(&server, "admin", None, true).await;
    let mut by_header = watch(&server, &doomed, "").await;
    let mut by_ticket =
        open(&server, &format!("/ws?ticket={}", ticket(&server, &doomed).await), &[]).await.unwrap();
    let mut stays = watch(&server, &other, "").await;
    let unused = ticket(&server, &doomed).await;
    let path = "/api/v1/admin/tokens/doomed";
    let revoked = send(server.request(Method::DELETE, path).bearer_auth(&admin)).await;
    assert_eq!((revoked.status, revoked.body.as_str()), (204, ""), "{revoked:?}");
    for path in ["/query", "/api/v1/totals", "/api/v1/viewer", "/ws"] {
        assert_eq!(
            viewed(&server, &doomed, path).await.refusal(),
            (401, "invalid_token".to_owned()),
            "{path}"
        );
    }
    let refused = open(&server, &format!("/ws?ticket={unused}"), &[]).await.err();
    assert_eq!(refused, Some((401, "invalid_token".to_owned())), "a ticket is worth no more than its token");
    for socket in [&mut by_header, &mut by_ticket] {
        let end = socket.close_frame().await.expect("a word at the end");
        assert_eq!(end.code, CloseCode::Policy);
        assert!(end.reason.contains("revoked"), "{end:?}");
    }
    server.live(&[telling(101, "laptop")]).await;
    assert_eq!(stays.frame().await["id"], id(101), "the others go on");
}

#[tokio::test]
async fn a_replaced_or_expired_token_ends_as_well() {
    let server = filled().await;
    let old = token(&server, "ada", None, false).await;
    let admin = token(&server, "admin", None, true).await;
    let mut socket = watch(&server, &old, "").await;
    let path = "/api/v1/admin/tokens/ada/rotate";
    let rotated = send(server.request(Method::POST, path).bearer_auth(&admin)).await.json();
    assert_eq!(socket.close_frame().await.map(|end| end.code), Some(CloseCode::Policy));
    assert_eq!(viewed(&server, &old, "/query").await.status, 401);
    assert_eq!(viewed(&server, rotated["token"].as_str().unwrap(), "/query").await.status, 200);

    let lifetime = Some(Duration::from_secs(6));
    let wanted = NewToken { name: "short".to_owned(), admin: false, sources: None, lifetime };
    let short = issue(&server, wanted).await;
    let mut socket = watch(&server, &short, "").await;
    assert_eq!(socket.close_frame().await.map(|end| end.code), Some(CloseCode::Policy));
    assert_eq!(viewed(&server, &short, "/query").await.refusal(), (401, "invalid_token".to_owned()));
}
