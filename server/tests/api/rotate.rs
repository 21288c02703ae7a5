//! `POST /api/v1/rotate`: a key in force vouches for the one that follows it.

use ed25519_dalek::SigningKey;
use reqwest::Method;
use vibetea_protocol::enrol::{RotateRequest, Rotated};
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::enrol::sends_as;
use crate::harness::{Answer, SOURCE, Server, Setup, key_of, now, send};

const TABLET: &str = "tablet";
const DAY_MICROS: i64 = 86_400_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::of(&key(seed))
}

/// A server that knows the tablet by the first key.
async fn server() -> Server {
    let server = Setup::new().start().await;
    let access = server.home().access().await;
    access.add_key(TABLET.parse().unwrap(), public(1), now()).await.unwrap();
    crate::harness::eventually("the key is known", || async {
        (sends_as(&server, TABLET, &key(1), 1).await == 200).then_some(())
    })
    .await;
    server
}

async fn signed(server: &Server, source: &str, key: &SigningKey, body: Vec<u8>) -> Answer {
    let request = server
        .request(Method::POST, "/api/v1/rotate")
        .header("x-source-id", source)
        .header("x-signature", sign_body(key, &body))
        .body(body);
    send(request).await
}

/// One key vouches for another.
async fn rotate(server: &Server, old: u8, new: u8, end_others: bool) -> Answer {
    let request = RotateRequest::new(&TABLET.parse().unwrap(), &public(old), &key(new), end_others);
    signed(server, TABLET, &key(old), serde_json::to_vec(&request).unwrap()).await
}

async fn taken(server: &Server, seeds: &[u8]) -> Vec<bool> {
    let mut taken = Vec::new();
    for seed in seeds {
        taken.push(sends_as(server, TABLET, &key(*seed), u64::from(*seed) + 100).await == 200);
    }
    taken
}

#[tokio::test]
async fn the_new_key_is_taken_at_once_and_the_old_one_for_another_day() {
    let server = server().await;
    let answer = rotate(&server, 1, 2, false).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rotated: Rotated = serde_json::from_value(answer.json()).unwrap();
    assert_eq!(rotated.source, TABLET);
    let left = rotated.others_expire.unwrap().since(now());
    assert!((DAY_MICROS - 60_000_000..=DAY_MICROS).contains(&left), "{left}");
    assert_eq!(taken(&server, &[1, 2, 3]).await, [true, true, false]);

    let sources = server.home().access().await.sources().await.unwrap();
    let tablet = sources.iter().find(|source| source.name.as_str() == TABLET).unwrap();
    let ends: Vec<bool> = tablet.keys.iter().map(|key| key.expires.is_some()).collect();
    assert_eq!(ends, [true, false], "{tablet:?}");
    // the answer got lost: asking again changes nothing
    let again: Rotated = serde_json::from_value(rotate(&server, 1, 2, false).await.json()).unwrap();
    assert_eq!(again, rotated);
}

#[tokio::test]
async fn the_new_key_ends_the_others_when_it_asks_to() {
    let server = server().await;
    assert_eq!(rotate(&server, 1, 2, false).await.status, 200);
    let answer = rotate(&server, 2, 2, true).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(taken(&server, &[1, 2]).await, [false, true]);
    // the last key of a source is never ended by itself
    assert_eq!(rotate(&server, 2, 2, true).await.status, 200);
    assert_eq!(taken(&server, &[1, 2]).await, [false, true]);
}

#[tokio::test]
async fn a_key_that_was_replaced_vouches_for_no_other() {
    let server = server().await;
    assert_eq!(rotate(&server, 1, 2, false).await.status, 200);
    assert_eq!(rotate(&server, 1, 3, false).await.refusal(), (401, "invalid_signature".into()));
    assert_eq!(taken(&server, &[1, 2, 3]).await, [true, true, false]);
    assert_eq!(rotate(&server, 2, 3, false).await.status, 200);
    assert_eq!(taken(&server, &[1, 2, 3]).await, [true, true, true]);
}

#[tokio::test]
async fn without_both_proofs_no_key_is_changed() {
    let server = server().await;
    let source = TABLET.parse().unwrap();
    let good = RotateRequest::new(&source, &public(1), &key(2), false);
    let for_other_source = RotateRequest::new(&SOURCE.parse().unwrap(), &public(1), &key(2), false);
    let after_other_key = RotateRequest::new(&source, &public(3), &key(2), false);
    let by_other_key = RotateRequest::new(&source, &public(1), &key(3), false);
    for proof in [String::new(), for_other_source.proof, after_other_key.proof, by_other_key.proof] {
        let unproven = RotateRequest { proof, ..good.clone() };
        let answer = signed(&server, TABLET, &key(1), serde_json::to_vec(&unproven).unwrap()).await;
        assert_eq!(answer.refusal(), (401, "invalid_signature".into()));
    }
    let body = serde_json::to_vec(&good).unwrap();
    assert_eq!(
        signed(&server, TABLET, &key(2), body.clone()).await.refusal(),
        (401, "invalid_signature".into())
    );
    assert_eq!(
        signed(&server, "nobody", &key(1), body.clone()).await.refusal(),
        (401, "unknown_source".into())
    );
    let unsigned = server.request(Method::POST, "/api/v1/rotate").body(body.clone());
    assert_eq!(send(unsigned).await.refusal(), (401, "missing_auth".into()));
    assert_eq!(taken(&server, &[1, 2]).await, [true, false]);
    // nothing else was missing
    assert_eq!(signed(&server, TABLET, &key(1), body).await.status, 200);
}

#[tokio::test]
async fn a_body_is_small_and_strict() {
    let server = server().await;
    for body in
        ["", "[]", "{}", "{\"newPublicKey\":\"AAAA\",\"proof\":\"\"}", "{\"newPublicKey\":1,\"proof\":\"\"}"]
    {
        let answer = signed(&server, TABLET, &key(1), body.into()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{body}");
    }
    let answer = signed(&server, TABLET, &key(1), vec![b' '; 5000]).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".into()));
}

#[tokio::test]
async fn a_source_of_the_configuration_changes_its_key_there() {
    let server = server().await;
    let old = key_of(SOURCE);
    let request = RotateRequest::new(&SOURCE.parse().unwrap(), &PublicKey::of(&old), &key(2), false);
    let answer = signed(&server, SOURCE, &old, serde_json::to_vec(&request).unwrap()).await;
    assert_eq!(answer.refusal(), (409, "conflict".into()));
    assert!(answer.body.contains("VIBETEA_PUBLIC_KEYS"), "{answer:?}");
    assert_eq!(sends_as(&server, SOURCE, &key(2), 1).await, 401);

    let open = Setup::without_auth().start().await;
    let answer = signed(&open, SOURCE, &old, serde_json::to_vec(&request).unwrap()).await;
    assert_eq!(answer.refusal(), (409, "conflict".into()));
}
