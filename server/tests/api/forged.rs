//! Requests that register a key, changed on the way: no bit of them is without meaning.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use reqwest::Method;
use vibetea_protocol::enrol::{Code, EnrolRequest, RotateRequest};
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_server::store::CODE_LIFETIME;

use crate::enrol::sends_as;
use crate::harness::{Answer, Server, Setup, eventually, now, send};

const TABLET: &str = "tablet";
const ENROL: &str = "/api/v1/enrol";
const ROTATE: &str = "/api/v1/rotate";
const FEWEST: usize = 1000;

/// A body and, where it is signed as a whole, the signature in base64.
type Forged = (Vec<u8>, Option<String>);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// Every single-bit change.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

async fn ask(server: &Server, path: &str, (body, signature): Forged) -> Answer {
    let mut request = server.request(Method::POST, path).body(body);
    if let Some(signature) = signature {
        request = request.header("x-source-id", TABLET).header("x-signature", signature);
    }
    send(request).await
}

/// Sends all of them, over several connections; each has to be heard and refused.
async fn all_refused(server: &Arc<Server>, path: &'static str, forged: Vec<Forged>) {
    assert!(forged.len() >= FEWEST, "{}", forged.len());
    let mut workers = Vec::new();
    for part in forged.chunks(forged.len().div_ceil(8)) {
        let (part, server) = (part.to_vec(), Arc::clone(server));
        workers.push(tokio::spawn(async move {
            for request in part {
                let answer = ask(&server, path, request.clone()).await;
                assert!(matches!(answer.status, 400 | 401), "{answer:?} to {request:?}");
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_changed_enrolment_registers_a_key() {
    let server = Arc::new(Setup::new().start().await);
    let access = server.home().access().await;
    let made = access.create_code(TABLET.parse().unwrap(), CODE_LIFETIME, now()).await.unwrap();
    let code: Code = made.parse().unwrap();
    let good = EnrolRequest::new(&code, &key(1), &server.url(""), None);
    let body = serde_json::to_vec(&good).unwrap();
    // a code may be typed in several ways
    let is_the_same = |body: &[u8]| {
        serde_json::from_slice::<EnrolRequest>(body).is_ok_and(|request| {
            request.code.parse().is_ok_and(|typed: Code| typed == code)
                && EnrolRequest { code: good.code.clone(), ..request } == good
        })
    };
    let forged: Vec<Forged> =
        flipped(&body).filter(|body| !is_the_same(body)).map(|body| (body, None)).collect();
    all_refused(&server, ENROL, forged).await;
    assert_eq!(access.sources().await.unwrap(), []);
    // the twin: unchanged, it passes
    assert_eq!(ask(&server, ENROL, (body, None)).await.status, 200);
    assert_eq!(sends_as(&server, TABLET, &key(1), 1).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_changed_change_of_key_registers_one() {
    let server = Arc::new(Setup::new().start().await);
    let access = server.home().access().await;
    let (source, old) = (TABLET.parse().unwrap(), PublicKey::of(&key(1)));
    access.add_key(TABLET.parse().unwrap(), old.clone(), now()).await.unwrap();
    eventually("the key is known", async || {
        (sends_as(&server, TABLET, &key(1), 1).await == 200).then_some(())
    })
    .await;
    let before = access.sources().await.unwrap();
    let good = RotateRequest::new(&source, &old, &key(2), false);
    let body = serde_json::to_vec(&good).unwrap();
    let signature = sign_body(&key(1), &body);
    // by others, who have no key: a changed body, or a changed signature
    let bytes = STANDARD.decode(&signature).unwrap();
    let mut forged: Vec<Forged> = flipped(&body).map(|body| (body, Some(signature.clone()))).collect();
    forged.extend(flipped(&bytes).map(|bytes| (body.clone(), Some(STANDARD.encode(bytes)))));
    all_refused(&server, ROTATE, forged).await;
    // by who has the old key: one that nobody has proven to hold
    let is_the_same = |body: &[u8]| {
        serde_json::from_slice::<RotateRequest>(body)
            .is_ok_and(|request| RotateRequest { end_others: good.end_others, ..request } == good)
    };
    let unproven = flipped(&body).filter(|body| !is_the_same(body));
    let unproven = unproven.map(|body| {
        let signature = sign_body(&key(1), &body);
        (body, Some(signature))
    });
    all_refused(&server, ROTATE, unproven.collect()).await;
    assert_eq!(access.sources().await.unwrap(), before);
    assert_eq!(sends_as(&server, TABLET, &key(2), 2).await, 401);
    // the twin: unchanged, it passes
    assert_eq!(ask(&server, ROTATE, (body, Some(signature))).await.status, 200);
    assert_eq!(sends_as(&server, TABLET, &key(2), 2).await, 200);
}
