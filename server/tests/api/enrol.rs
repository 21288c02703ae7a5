//! `POST /api/v1/enrol`: who shows a code and proves to hold a key may send with it.

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};
use vibetea_protocol::Timestamp;
use vibetea_protocol::enrol::{Code, EnrolRequest};
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_server::store::CODE_LIFETIME;

use crate::harness::{Answer, Server, Setup, body, changed, event, key_of, now, send};

const TABLET: &str = "tablet";

/// A code for the tablet that was made so long ago.
async fn code_of_age(server: &Server, age: Duration) -> Code {
    let made = now().as_micros() - i64::try_from(age.as_micros()).unwrap();
    let made = Timestamp::from_micros(made).unwrap();
    let access = server.home().access().await;
    access.create_code(TABLET.parse().unwrap(), CODE_LIFETIME, made).await.unwrap().parse().unwrap()
}

async fn code(server: &Server) -> Code {
    code_of_age(server, Duration::ZERO).await
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn request(server: &Server, code: &Code, key: &SigningKey) -> EnrolRequest {
    EnrolRequest::new(code, key, &server.url(""), None)
}

async fn enrol(server: &Server, request: &EnrolRequest) -> Answer {
    send(server.request(Method::POST, "/api/v1/enrol").json(request)).await
}

/// What the server says to an event of the tablet that is signed with this key.
pub(crate) async fn sends_as(server: &Server, source: &str, key: &SigningKey, number: u64) -> u16 {
    let body = body(&[changed(event(number), "source", source)]);
    let request = server
        .request(Method::POST, "/ingest")
        .header("x-source-id", source)
        .header("x-signature", sign_body(key, &body))
        .body(body);
    send(request).await.status
}

#[tokio::test]
async fn who_shows_a_code_and_holds_a_key_may_send_from_the_next_request_on() {
    let server = Setup::new().start().await;
    assert_eq!(sends_as(&server, TABLET, &key(1), 1).await, 401);
    let code = code(&server).await;
    let answer = enrol(&server, &request(&server, &code, &key(1))).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"source": TABLET})), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(sends_as(&server, TABLET, &key(1), 1).await, 200);
    assert_eq!(sends_as(&server, TABLET, &key(2), 2).await, 401);
    assert_eq!(server.rows().len(), 1);
}

/// Whether a second key gets in by a code that a first one has used; `before` is what happens in between.
async fn second_key_gets_in(server: &Server, before: impl AsyncFnOnce()) -> bool {
    let code = code(server).await;
    assert_eq!(enrol(server, &request(server, &code, &key(1))).await.status, 200);
    before().await;
    let answer = enrol(server, &request(server, &code, &key(2))).await;
    let sends = sends_as(server, TABLET, &key(2), 1).await == 200;
    assert_eq!(answer.status == 200, sends, "{answer:?}");
    sends
}

#[tokio::test]
async fn a_code_is_good_for_one_key_alone() {
    let server = Setup::new().start().await;
    assert!(!second_key_gets_in(&server, async || {}).await);
    // a server that forgets that a code was used is seen
    let forget = async || server.home().execute("UPDATE enrolment SET used = NULL, used_by = NULL");
    assert!(second_key_gets_in(&server, forget).await);
}

#[tokio::test]
async fn the_same_key_may_come_again_as_an_answer_can_get_lost() {
    let server = Setup::new().start().await;
    let request = request(&server, &code(&server).await, &key(1));
    for _ in 0..3 {
        assert_eq!(enrol(&server, &request).await.status, 200);
    }
}

#[tokio::test]
async fn a_code_is_good_for_a_quarter_of_an_hour() {
    let server = Setup::new().start().await;
    let code = code_of_age(&server, CODE_LIFETIME).await;
    assert_eq!(
        enrol(&server, &request(&server, &code, &key(1))).await.refusal(),
        (401, "invalid_code".into())
    );
    assert_eq!(sends_as(&server, TABLET, &key(1), 1).await, 401);
    // the check sees a code that lives on
    let code = code_of_age(&server, CODE_LIFETIME.checked_sub(Duration::from_secs(30)).unwrap()).await;
    assert_eq!(enrol(&server, &request(&server, &code, &key(1))).await.status, 200);
}

#[tokio::test]
async fn wrong_used_and_expired_codes_have_one_answer() {
    let server = Setup::new().start().await;
    let (used, expired) = (code(&server).await, code_of_age(&server, CODE_LIFETIME).await);
    assert_eq!(enrol(&server, &request(&server, &used, &key(1))).await.status, 200);
    let wrong = "ZZZZ-ZZZZ".parse().unwrap();
    let mut answers = Vec::new();
    for code in [&used, &expired, &wrong] {
        let answer = enrol(&server, &request(&server, code, &key(2))).await;
        answers.push((answer.status, answer.body));
    }
    let no_code = EnrolRequest { code: "7".to_owned(), ..request(&server, &wrong, &key(2)) };
    let answer = enrol(&server, &no_code).await;
    answers.push((answer.status, answer.body));
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn without_a_proof_for_this_code_this_key_and_this_address_nobody_joins() {
    let server = Setup::new().start().await;
    let code = code(&server).await;
    let good = request(&server, &code, &key(1));
    let other_code = EnrolRequest::new(&"0000-0000".parse().unwrap(), &key(1), &good.audience, None);
    let other_address = EnrolRequest::new(&code, &key(1), "http://127.0.0.1:1", None);
    for proof in [
        String::new(),
        "AAAA".to_owned(),
        request(&server, &code, &key(2)).proof,
        other_code.proof,
        other_address.proof,
        sign_body(&key(1), code.as_str().as_bytes()),
        sign_body(&key(1), &serde_json::to_vec(&good).unwrap()),
    ] {
        let unproven = EnrolRequest { proof, ..good.clone() };
        assert_eq!(enrol(&server, &unproven).await.refusal(), (401, "invalid_signature".into()));
    }
    // somebody else's key, with a proof by an own one
    let stolen = EnrolRequest { public_key: PublicKey::of(&key(3)).to_base64(), ..good.clone() };
    assert_eq!(enrol(&server, &stolen).await.refusal(), (401, "invalid_signature".into()));
    assert_eq!(sends_as(&server, TABLET, &key(1), 1).await, 401);
    // none of that used the code up, and the proof is all that was missing
    assert_eq!(enrol(&server, &good).await.status, 200);
}

#[tokio::test]
async fn after_ten_wrong_codes_none_is_heard_for_a_while_not_even_a_right_one() {
    let server = Setup::new().start().await;
    let (wrong, right) = ("ZZZZ-ZZZZ".parse().unwrap(), code(&server).await);
    let (started, wrong_request) = (Instant::now(), request(&server, &wrong, &key(2)));
    let mut heard = 0;
    for _ in 0..40 {
        let answer = enrol(&server, &wrong_request).await;
        if answer.status == 401 {
            heard += 1;
            continue;
        }
        assert_eq!(answer.refusal(), (429, "rate_limited".into()));
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=6).contains(&seconds), "{seconds}");
        let answer = enrol(&server, &request(&server, &right, &key(1))).await;
        // on a busy machine a second may have passed, and one more is heard
        assert!(answer.status == 429 || started.elapsed() > Duration::from_secs(1), "{answer:?}");
    }
    // one more every six seconds
    assert!((10..=11 + started.elapsed().as_secs() / 6).contains(&heard), "{heard}");
    // requests that cannot be tried do not count
    let server = Setup::new().start().await;
    for _ in 0..20 {
        let unproven = EnrolRequest { proof: String::new(), ..request(&server, &wrong, &key(2)) };
        assert_eq!(enrol(&server, &unproven).await.status, 401);
    }
    let right = code(&server).await;
    assert_eq!(enrol(&server, &request(&server, &right, &key(1))).await.status, 200);
}

/// Proxies name their callers; this test is one.
#[tokio::test]
async fn who_guesses_codes_keeps_nobody_at_another_address_from_joining() {
    let server = Setup::new().with("VIBETEA_BEHIND_PROXY", "loopback").start().await;
    let wrong = request(&server, &"ZZZZ-ZZZZ".parse().unwrap(), &key(2));
    let right = request(&server, &code(&server).await, &key(1));
    let from = async |address: &str, asked: &EnrolRequest| {
        let request = server.request(Method::POST, "/api/v1/enrol").json(asked);
        send(request.header("x-forwarded-for", address)).await.status
    };
    while from("203.0.113.7", &wrong).await == 401 {}
    // the twin: the address that guessed is not heard, whatever it shows
    assert_eq!(from("203.0.113.7", &right).await, 429);
    assert_eq!(from("203.0.113.8", &right).await, 200);
}

#[tokio::test]
async fn a_code_gives_the_name_it_was_made_for_and_no_other() {
    let server = Setup::new().start().await;
    let code = code(&server).await;
    let wanting =
        |name: &str| EnrolRequest { source: Some(name.to_owned()), ..request(&server, &code, &key(1)) };
    assert_eq!(enrol(&server, &wanting("phone")).await.refusal(), (422, "source_mismatch".into()));
    assert_eq!(enrol(&server, &wanting("a\nb")).await.refusal(), (400, "invalid_request".into()));
    assert_eq!(enrol(&server, &wanting(TABLET)).await.status, 200, "the code is not used up");
}

#[tokio::test]
async fn a_proof_for_another_server_is_not_taken_where_this_one_knows_its_address() {
    let server = Setup::new().with("VIBETEA_PUBLIC_URL", "https://tea.example.org/tea").start().await;
    for (audience, status) in [
        ("https://tea.example.com", 400),
        ("http://tea.example.org", 400),
        ("https://tea.example.org:8443", 400),
        ("https://tea.example.org/", 400),
        ("tea.example.org", 400),
        ("", 400),
        ("https://tea.example.org", 200),
        ("http://127.0.0.1:8080", 200),
    ] {
        let request = EnrolRequest::new(&code(&server).await, &key(1), audience, None);
        assert_eq!(enrol(&server, &request).await.status, status, "{audience}");
    }
}

#[tokio::test]
async fn a_body_is_small_and_holds_what_it_must_and_nothing_else() {
    let server = Setup::new().start().await;
    let code = code(&server).await;
    let good = serde_json::to_value(request(&server, &code, &key(1))).unwrap();
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let post =
        async |body: Value| send(server.request(Method::POST, "/api/v1/enrol").json(&body)).await.refusal();
    for field in ["code", "publicKey", "audience", "proof"] {
        assert_eq!(post(without(field)).await, (400, "invalid_request".into()), "{field}");
        assert_eq!(post(changed(good.clone(), field, 7)).await, (400, "invalid_request".into()), "{field}");
    }
    assert_eq!(post(changed(good.clone(), "admin", true)).await, (400, "invalid_request".into()));
    for weak in ["", "AAAA", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        assert_eq!(post(changed(good.clone(), "publicKey", weak)).await.0, 400, "{weak}");
    }
    assert_eq!(
        post(changed(good.clone(), "proof", "x".repeat(4096))).await,
        (413, "payload_too_large".into())
    );
    let fields = format!("[\"{code}\",\"\",\"\",\"\"]", code = code.as_str());
    for text in ["", "[]", &fields, "{", "null", "\"7K2M-9QXA\"", "{\"code\":\"\\ud800\"}"] {
        let answer = send(server.request(Method::POST, "/api/v1/enrol").body(text.to_owned())).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{text}");
    }
    // what was sent may be a secret: it is not repeated
    let answer = send(server.request(Method::POST, "/api/v1/enrol").body("{\"hunter2\": 1}")).await;
    assert!(!answer.body.contains("hunter2"), "{answer:?}");
    let answer = send(server.request(Method::GET, "/api/v1/enrol")).await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed".into()));
    let answer = send(server.request(Method::POST, "/api/v1/enrol").json(&good)).await;
    assert_eq!(answer.status, 200, "nothing of that used the code up: {answer:?}");
}

#[tokio::test]
async fn a_registered_source_gets_one_more_key() {
    let server = Setup::new().start().await;
    for seed in [1, 2] {
        let code = code(&server).await;
        assert_eq!(enrol(&server, &request(&server, &code, &key(seed))).await.status, 200);
    }
    for seed in [1, 2] {
        assert_eq!(sends_as(&server, TABLET, &key(seed), seed.into()).await, 200);
    }
    // beside what stands in the configuration
    let access = server.home().access().await;
    let made = access.create_code("laptop".parse().unwrap(), CODE_LIFETIME, now()).await.unwrap();
    assert_eq!(enrol(&server, &request(&server, &made.parse().unwrap(), &key(3))).await.status, 200);
    assert_eq!(sends_as(&server, "laptop", &key(3), 7).await, 200);
    assert_eq!(sends_as(&server, "laptop", &key_of("laptop"), 8).await, 200);
}

#[tokio::test]
async fn joining_works_below_a_path_and_not_where_nothing_is_kept() {
    let server = Setup::new().with("VIBETEA_BASE_PATH", "/tea").start().await;
    let request = request(&server, &code(&server).await, &key(1));
    let post = |path: &'static str| server.request(Method::POST, path).json(&request);
    assert_eq!(send(post("/api/v1/enrol")).await.status, 404);
    assert_eq!(send(post("/tea/api/v1/enrol")).await.status, 200);
    let relay = Setup::relay().start().await;
    let answer = enrol(&relay, &request).await;
    assert_eq!(answer.refusal(), (503, "unavailable".into()));
}
