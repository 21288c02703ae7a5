//! Who may send: a request counts with a signature by a key of the source that it names, over this very body.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use reqwest::Method;
use vibetea_protocol::signing::{PublicKey, sign_body};

use crate::harness::{SOURCE, Setup, body, changed, event, key_of, send};
use crate::ingest::PATHS;

#[tokio::test]
async fn a_key_speaks_for_its_own_source_alone() {
    let server = Setup::new().start().await;
    let text = body(&[event(1)]);
    let request = server
        .request(Method::POST, "/ingest")
        .header("x-source-id", SOURCE)
        .header("x-signature", sign_body(&key_of("desktop"), &text))
        .body(text);
    assert_eq!(send(request).await.refusal(), (401, "invalid_signature".to_owned()));
    let answer = server.post("/ingest", "desktop", body(&[event(1)])).await;
    assert_eq!(answer.refusal(), (422, "source_mismatch".to_owned()));
    assert_eq!(server.rows().len(), 0);
}

#[tokio::test]
async fn a_source_named_twice_may_sign_with_either_key() {
    let (old, new) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let keys = [&old, &new].map(|key| format!("{SOURCE}:{}", PublicKey::of(key).to_base64())).join(",");
    let server = Setup::new().with("VIBETEA_PUBLIC_KEYS", keys).start().await;
    let strange = SigningKey::from_bytes(&[3; 32]);
    for (n, (key, status)) in [(&old, 200), (&new, 200), (&strange, 401)].into_iter().enumerate() {
        let text = body(&[event(n as u64)]);
        let request = server
            .request(Method::POST, "/ingest")
            .header("x-source-id", SOURCE)
            .header("x-signature", sign_body(key, &text))
            .body(text);
        assert_eq!(send(request).await.status, status);
    }
}

/// Every single-bit change of the signature, and many of the body, the source and the encoding.
#[tokio::test(flavor = "multi_thread")]
async fn no_changed_request_passes_for_the_signed_one() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    let server = Arc::new(Setup::new().start().await);
    // one whose signature another alphabet spells otherwise
    let texts = (1..).map(|number| body(&[event(number)]));
    let signed = texts.map(|text| (sign_body(&key_of(SOURCE), &text), text));
    let (signature, text) = { signed }.find(|(signature, _)| signature.contains(['+', '/'])).unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let mut forged: Vec<(String, String, Vec<u8>)> = Vec::new();
    for bit in 0..512 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        forged.push((SOURCE.to_owned(), STANDARD.encode(changed), text.clone()));
    }
    for bit in (0..text.len() * 8).step_by(3) {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        forged.push((SOURCE.to_owned(), STANDARD.encode(&signature), changed));
    }
    let longer = [&text[..], b" "].concat();
    forged.push((SOURCE.to_owned(), STANDARD.encode(&signature), longer));
    for odd in [
        STANDARD_NO_PAD.encode(&signature),
        URL_SAFE.encode(&signature),
        URL_SAFE_NO_PAD.encode(&signature),
        STANDARD.encode(&signature[..63]),
        STANDARD.encode([&signature[..], &[0]].concat()),
        "no base64 at all!".to_owned(),
        "A".repeat(5000),
        malleated(&signature),
        // the identity point as R, zero as S: valid under every weak key for every message
        STANDARD.encode([&[1][..], &[0; 63]].concat()),
    ] {
        forged.push((SOURCE.to_owned(), odd, text.clone()));
    }
    for source in ["Laptop", "desktop", "laptop\u{301}", "laptop2"] {
        forged.push((source.to_owned(), STANDARD.encode(&signature), text.clone()));
    }
    assert!(forged.len() >= 1000, "{}", forged.len());
    let mut workers = Vec::new();
    for part in forged.chunks(forged.len().div_ceil(8)) {
        let (part, server) = (part.to_vec(), Arc::clone(&server));
        workers.push(tokio::spawn(async move {
            for (source, signature, text) in part {
                let request = server
                    .request(Method::POST, "/ingest")
                    .header(
                        "x-source-id",
                        reqwest::header::HeaderValue::from_bytes(source.as_bytes()).unwrap(),
                    )
                    .header("x-signature", &signature)
                    .body(text.clone());
                let (status, code) = send(request).await.refusal();
                assert_eq!(status, 401, "{source} {signature} {text:?}");
                assert!(["invalid_signature", "unknown_source"].contains(&code.as_str()), "{code}");
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(server.rows().len(), 0);
    // the twin of all of the above: unchanged, it passes
    assert_eq!(server.post("/ingest", SOURCE, text).await.status, 200);
}

/// The same signature with the group's order added to S, which a lenient verifier takes for good.
fn malleated(signature: &[u8]) -> String {
    use base64::Engine as _;
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    base64::engine::general_purpose::STANDARD.encode(changed)
}

#[tokio::test]
async fn a_source_beyond_ascii_is_sent_as_utf8() {
    let server = Setup::new().with_sources(["büro-東京".to_owned()]).start().await;
    let answer = server.post("/ingest", "büro-東京", body(&[changed(event(1), "source", "büro-東京")])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.rows()[0]["source"], "büro-東京");
    let latin1 = server
        .request(Method::POST, "/ingest")
        .header("x-source-id", reqwest::header::HeaderValue::from_bytes(b"b\xfcro").unwrap())
        .header("x-signature", sign_body(&key_of(SOURCE), b"[]"))
        .body("[]");
    assert_eq!(send(latin1).await.status, 401);
}

#[tokio::test]
async fn without_authentication_any_source_may_send_unsigned() {
    let server = Setup::without_auth().start().await;
    for path in PATHS {
        let request = server.request(Method::POST, path).header("x-source-id", SOURCE);
        assert_eq!(send(request.body(body(&[event(1)]))).await.status, 200);
    }
    let bad = server.request(Method::POST, "/ingest").header("x-source-id", "another");
    let answer = send(bad.body(body(&[event(2)]))).await;
    assert_eq!(answer.refusal(), (422, "source_mismatch".to_owned()));
}
