//! `/api/v1/viewer` and `/api/v1/admin/…`.

use reqwest::Method;
use serde_json::{Value, json};
use vibetea_protocol::api::{Enrolment, IssuedToken, RegisteredSources, ViewerTokens};
use vibetea_protocol::signing::PublicKey;

use crate::harness::{Answer, SOURCE, Server, Setup, TOKEN, key_of, now, send};
use crate::scope::{token, viewed};

/// Every admin route, with a body that it takes.
fn routes() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "/api/v1/admin/sources", None),
        (Method::PATCH, "/api/v1/admin/sources/attic", Some(json!({ "name": "cellar" }))),
        (Method::DELETE, "/api/v1/admin/sources/attic", None),
        (Method::POST, "/api/v1/admin/enrolments", Some(json!({ "source": "attic" }))),
        (Method::GET, "/api/v1/admin/tokens", None),
        (Method::POST, "/api/v1/admin/tokens", Some(json!({ "name": "ada" }))),
        (Method::POST, "/api/v1/admin/tokens/ada/rotate", None),
        (Method::DELETE, "/api/v1/admin/tokens/ada", None),
    ]
}

async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    body: Option<&Value>,
    token: Option<&str>,
) -> Answer {
    let mut request = server.request(method, path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    send(request).await
}

/// The description names these routes and no others.
#[tokio::test]
async fn the_description_names_every_admin_route() {
    let server = Setup::new().start().await;
    let description = server.get("/api/v1/openapi.json").await.json();
    let mut described = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path.replace("{name}", "attic").replace("{id}", "ada");
        if path.contains("/admin/") {
            described.extend(
                methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())),
            );
        }
    }
    let mut known: Vec<_> =
        routes().into_iter().map(|(method, path, _)| (method.to_string(), path.to_owned())).collect();
    described.sort();
    known.sort();
    assert_eq!(described, known);
}

#[tokio::test]
async fn the_admin_routes_answer_to_an_admin_token_alone() {
    let server = Setup::new().start().await;
    let (plain, scoped) =
        (token(&server, "plain", None, false).await, token(&server, "scoped", Some(&[SOURCE]), false).await);
    let admin = token(&server, "admin", None, true).await;
    let key = PublicKey::of(&key_of("attic"));
    server.home().access().await.add_key("attic".parse().unwrap(), key, now()).await.unwrap();
    for (method, path, body) in routes() {
        let asked = async |token| ask(&server, method.clone(), path, body.as_ref(), token).await;
        assert_eq!(asked(None).await.refusal(), (401, "missing_auth".to_owned()), "{method} {path}");
        assert_eq!(
            asked(Some("wrong")).await.refusal(),
            (401, "invalid_token".to_owned()),
            "{method} {path}"
        );
        for viewer in [TOKEN, &plain, &scoped] {
            assert_eq!(asked(Some(viewer)).await.refusal(), (403, "forbidden".to_owned()), "{method} {path}");
        }
    }
    for (method, path, body) in routes() {
        let answer = ask(&server, method.clone(), path, body.as_ref(), Some(&admin)).await;
        let is_gone = method == Method::DELETE && path.ends_with("attic");
        assert_eq!(
            answer.status,
            if is_gone {
                404
            } else if answer.body.is_empty() {
                204
            } else {
                200
            },
            "{method} {path}: {answer:?}"
        );
    }
    let who = viewed(&server, &admin, "/api/v1/viewer").await.json();
    assert_eq!((&who["admin"], &who["sources"]), (&json!(true), &json!(null)));
    assert_eq!(
        viewed(&server, TOKEN, "/api/v1/viewer").await.json(),
        json!({ "admin": false, "sources": null, "token": null })
    );
    assert_eq!(viewed(&server, "wrong", "/api/v1/viewer").await.status, 401);
}

#[tokio::test]
async fn without_authentication_or_without_a_history_there_is_nothing_to_administrate() {
    let open = Setup::without_auth().start().await;
    assert_eq!(
        open.get("/api/v1/viewer").await.json(),
        json!({ "admin": false, "sources": null, "token": null })
    );
    let relay = Setup::relay().start().await;
    assert_eq!(
        viewed(&relay, TOKEN, "/api/v1/viewer").await.json(),
        json!({ "admin": false, "sources": null, "token": null })
    );
    for (method, path, body) in routes() {
        let answer = ask(&open, method.clone(), path, body.as_ref(), None).await;
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{method} {path}");
        let answer = ask(&relay, method.clone(), path, body.as_ref(), Some(TOKEN)).await;
        assert_eq!(answer.refusal(), (503, "unavailable".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn a_token_is_made_listed_replaced_and_revoked() {
    let server = Setup::new().start().await;
    let admin = token(&server, "admin", None, true).await;
    let wanted = json!({ "name": "ada", "sources": ["laptop"], "expiresInDays": 90 });
    let made = ask(&server, Method::POST, "/api/v1/admin/tokens", Some(&wanted), Some(&admin)).await;
    let made: IssuedToken = serde_json::from_str(&made.body).unwrap();
    assert_eq!(made.entry.sources, Some(vec!["laptop".to_owned()]));
    let days = made.entry.expires.unwrap().since(made.entry.created) / 86_400_000_000;
    assert_eq!(days, 90);
    assert_eq!(viewed(&server, &made.token, "/api/v1/totals").await.status, 200, "it works at once");
    let who = viewed(&server, &made.token, "/api/v1/viewer").await.json();
    assert_eq!(who, json!({ "admin": false, "sources": ["laptop"], "token": made.entry.id }));
    let listed = viewed(&server, &admin, "/api/v1/admin/tokens").await;
    assert!(!listed.body.contains(&made.token), "{listed:?}");
    let tokens: ViewerTokens = serde_json::from_str(&listed.body).unwrap();
    let names: Vec<_> = tokens.tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["ada", "admin"], "the newest first");
    assert!(tokens.tokens.iter().all(|token| token.last_used.is_some()), "{listed:?}");
    let path = format!("/api/v1/admin/tokens/{}", made.entry.id);
    let rotated = ask(&server, Method::POST, &format!("{path}/rotate"), None, Some(&admin)).await;
    let rotated: IssuedToken = serde_json::from_str(&rotated.body).unwrap();
    assert_eq!((rotated.entry.id, rotated.entry.name), (made.entry.id, made.entry.name));
    assert_eq!(viewed(&server, &made.token, "/api/v1/totals").await.status, 401);
    assert_eq!(ask(&server, Method::DELETE, &path, None, Some(&admin)).await.status, 204);
    assert_eq!(viewed(&server, &rotated.token, "/api/v1/totals").await.status, 401);
    assert_eq!(ask(&server, Method::DELETE, &path, None, Some(&admin)).await.refusal().0, 404);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_the_reason() {
    let server = Setup::new().start().await;
    let admin = token(&server, "admin", None, true).await;
    for (method, path, body, refusal, word) in [
        (Method::DELETE, "/api/v1/admin/sources/laptop", None, (409, "conflict"), "VIBETEA_PUBLIC_KEYS"),
        (
            Method::PATCH,
            "/api/v1/admin/sources/laptop",
            Some(json!({ "name": "x" })),
            (409, "conflict"),
            "VIBETEA_PUBLIC_KEYS",
        ),
        (Method::DELETE, "/api/v1/admin/sources/nobody", None, (404, "not_found"), "nobody"),
        (
            Method::PATCH,
            "/api/v1/admin/sources/a",
            Some(json!({ "name": "" })),
            (400, "invalid_request"),
            "1 to 128",
        ),
        (Method::PATCH, "/api/v1/admin/sources/a", Some(json!({})), (400, "invalid_request"), "name"),
        (Method::PATCH, "/api/v1/admin/sources/a", Some(json!(["b"])), (400, "invalid_request"), "object"),
        (
            Method::POST,
            "/api/v1/admin/tokens",
            Some(json!({ "name": "" })),
            (400, "invalid_request"),
            "1 to 64",
        ),
        (Method::POST, "/api/v1/admin/tokens", Some(json!({ "name": "admin" })), (409, "conflict"), "admin"),
        (
            Method::POST,
            "/api/v1/admin/tokens",
            Some(json!({ "name": "a", "sources": [] })),
            (400, "invalid_request"),
            "1 to 256",
        ),
        (
            Method::POST,
            "/api/v1/admin/tokens",
            Some(json!({ "name": "a", "admin": true, "sources": ["laptop"] })),
            (400, "invalid_request"),
            "all sources",
        ),
        (
            Method::POST,
            "/api/v1/admin/tokens",
            Some(json!({ "name": "a", "expiresInDays": 0 })),
            (400, "invalid_request"),
            "3650",
        ),
        (
            Method::POST,
            "/api/v1/admin/tokens",
            Some(json!({ "name": "a", "color": "red" })),
            (400, "invalid_request"),
            "color",
        ),
        (Method::POST, "/api/v1/admin/tokens/nobody/rotate", None, (404, "not_found"), "nobody"),
        (
            Method::POST,
            "/api/v1/admin/enrolments",
            Some(json!({ "source": "\n" })),
            (400, "invalid_request"),
            "1 to 128",
        ),
        (
            Method::POST,
            "/api/v1/admin/enrolments",
            Some(json!({ "source": "a\0b" })),
            (400, "invalid_request"),
            "1 to 128",
        ),
        (
            Method::POST,
            "/api/v1/admin/enrolments",
            Some(json!({ "source": "x".repeat(10_240) })),
            (400, "invalid_request"),
            "1 to 128",
        ),
        (Method::GET, "/api/v1/admin/tokens?a=b", None, (400, "invalid_parameter"), "'a'"),
    ] {
        let answer = ask(&server, method.clone(), path, body.as_ref(), Some(&admin)).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{method} {path}: {answer:?}");
        assert!(answer.body.contains(word), "{method} {path}: {answer:?}");
    }
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    let request = server.request(Method::POST, "/api/v1/admin/tokens").bearer_auth(&admin).body(long);
    assert_eq!(send(request).await.refusal(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn a_source_is_listed_renamed_and_revoked() {
    let server = Setup::new().start().await;
    let admin = token(&server, "admin", None, true).await;
    let access = server.home().access().await;
    access.add_key("attic".parse().unwrap(), PublicKey::of(&key_of("attic")), now()).await.unwrap();
    let listed = async || {
        let answer = viewed(&server, &admin, "/api/v1/admin/sources").await;
        serde_json::from_str::<RegisteredSources>(&answer.body).unwrap().sources
    };
    let sources = listed().await;
    let told: Vec<_> = sources.iter().map(|source| (source.name.as_str(), source.configured)).collect();
    assert_eq!(told, [("attic", false), ("desktop", true), ("laptop", true)]);
    assert!(sources.iter().all(|source| source.keys.len() == 1 && source.keys[0].fingerprint.len() == 16));
    let wanted = json!({ "name": "cellar/1" });
    let renamed =
        ask(&server, Method::PATCH, "/api/v1/admin/sources/attic", Some(&wanted), Some(&admin)).await;
    assert_eq!(renamed.status, 204, "{renamed:?}");
    assert_eq!(listed().await[0].name, "cellar/1");
    let path = "/api/v1/admin/sources/cellar%2F1";
    assert_eq!(ask(&server, Method::DELETE, path, None, Some(&admin)).await.status, 204);
    assert!(listed().await[0].revoked.is_some());
    access.close().await;
}

#[tokio::test]
async fn a_code_is_made_with_the_command_to_paste() {
    let server = Setup::new().with("VIBETEA_BASE_PATH", "/tea").start().await;
    let home = server.home();
    let wanted = json!({ "source": "attic" });
    let access = home.access().await;
    let made = access.create_token(
        vibetea_server::store::NewToken {
            name: "admin".to_owned(),
            admin: true,
            sources: None,
            lifetime: None,
        },
        now(),
    );
    let admin = made.await.unwrap().token.expose();
    let path = "/tea/api/v1/admin/enrolments";
    let post = async |headers: &[(&str, &str)]| {
        let mut request = server.request(Method::POST, path).bearer_auth(&admin).json(&wanted);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request).await
    };
    crate::harness::eventually("the server knows the token", async || {
        (post(&[]).await.status == 200).then_some(())
    })
    .await;
    let made: Enrolment = serde_json::from_str(&post(&[]).await.body).unwrap();
    assert_eq!((made.source.as_str(), made.expires_in_seconds), ("attic", 900));
    let expected = format!("vibetea-monitor enroll http://{}/tea --code {}", server.address, made.code);
    assert_eq!(made.command, expected);
    for (headers, address) in [
        (&[("host", "tea.example.org")][..], "https://tea.example.org/tea"),
        (
            &[("host", "tea.example.org"), ("origin", "https://tea.example.org")],
            "https://tea.example.org/tea",
        ),
        (&[("host", "tea.lan:81"), ("origin", "http://tea.lan:81")], "http://tea.lan:81/tea"),
        (&[("host", "tea.example.org"), ("origin", "https://evil.example")], "https://tea.example.org/tea"),
    ] {
        let made: Enrolment = serde_json::from_str(&post(headers).await.body).unwrap();
        assert!(made.command.starts_with(&format!("vibetea-monitor enroll {address} --code ")), "{made:?}");
    }
    let redeemed = access.redeem_code(
        vibetea_server::store::code_digest(&made.code),
        PublicKey::of(&key_of("attic")),
        None,
        now(),
    );
    assert_eq!(redeemed.await.unwrap().as_str(), "attic");
    access.close().await;
}
