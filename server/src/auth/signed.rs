//! The one place that orders the checks of a signed request.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use vibetea_protocol::batch::{self, IdRule, IncomingEvent};
use vibetea_protocol::signing::{BodySignature, PublicKey};
use vibetea_protocol::{ErrorCode, Problem, SIGNATURE_HEADER, SOURCE_HEADER, SourceId};

use super::body::{announced_length, linger, pass_over, read, too_large};
use super::unverified::Unverified;
use super::verify::found_in_rounds;
use crate::access::Registry;
use crate::error::Refusal;

/// A body whose sender is known.
#[derive(Debug)]
pub struct SignedBody {
    /// Who sent it.
    pub source: Arc<SourceId>,
    /// The source's key that made the signature; none where nobody is asked for one.
    pub key: Option<PublicKey>,
    /// The very bytes that were signed.
    pub body: Bytes,
}

impl SignedBody {
    /// The checked events of the body.
    pub fn events(&self, ids: IdRule) -> Result<Vec<IncomingEvent<'_>>, Problem> {
        batch::parse(&self.body, self.source.as_str(), ids)
    }
}

/// Reads and checks a request in the contract's order: size, headers, source, signature.
pub async fn receive(
    access: &Registry,
    unverified: &Arc<Unverified>,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<SignedBody, Refusal> {
    let announced = announced_length(headers, &body);
    if announced.is_some_and(|length| length > limit as u64) {
        // a client that waits for leave to send gets none
        if !headers.contains_key(header::EXPECT) {
            linger(body);
        }
        return Err(too_large(limit));
    }
    if let Err(problem) = identify(access, headers) {
        match announced {
            // a length that was announced cannot be exceeded, so what the headers settle needs no body
            Some(_) => linger(body),
            // any other may be too large, which is the first thing to be told
            None => pass_over(body, limit).await?,
        }
        return Err(problem.into());
    }
    let body = read(body, limit, unverified).await?;
    // asked again: a source may have been revoked while its body was on the way
    let (source, key) = match identify(access, headers)? {
        Claim::Free(source) => (source, None),
        Claim::Signed { source, signature } => {
            let (source, key) = prove(access, source.as_ref(), signature.as_ref(), &body)?;
            (source, Some(key))
        }
    };
    Ok(SignedBody { source, key, body })
}

/// Reads a body that nobody has to sign.
pub async fn receive_unsigned(
    unverified: &Arc<Unverified>,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Refusal> {
    let announced = announced_length(headers, &body);
    if announced.is_some_and(|length| length > limit as u64) {
        linger(body);
        return Err(too_large(limit));
    }
    read(body, limit, unverified).await
}

/// Who the headers say is sending.
enum Claim {
    /// Nobody is asked for a signature.
    Free(Arc<SourceId>),
    /// The source, where it is told at all whether it is known; a signature that is no base64 of 64 bytes is none.
    Signed { source: Option<SourceId>, signature: Option<BodySignature> },
}

fn identify(access: &Registry, headers: &HeaderMap) -> Result<Claim, Problem> {
    let name = required(headers, SOURCE_HEADER, "X-Source-ID")?;
    if access.is_open() {
        let source = name.and_then(|name| name.parse().ok()).ok_or_else(unknown_source)?;
        return Ok(Claim::Free(Arc::new(source)));
    }
    let signature = required(headers, SIGNATURE_HEADER, "X-Signature")?.and_then(BodySignature::from_base64);
    let source: Option<SourceId> = name.and_then(|name| name.parse().ok());
    if !access.is_uniform()
        && !source.as_ref().is_some_and(|source| access.roster().knows(source, access.now()))
    {
        return Err(unknown_source());
    }
    Ok(Claim::Signed { source, signature })
}

/// The source, shared, and the one of its keys that made the signature.
fn prove(
    access: &Registry,
    source: Option<&SourceId>,
    signature: Option<&BodySignature>,
    body: &[u8],
) -> Result<(Arc<SourceId>, PublicKey), Problem> {
    let signature = signature.ok_or_else(invalid_signature)?;
    let roster = access.roster();
    let known = source.and_then(|source| roster.keys_of(source, access.now()));
    let (source, keys) = known.unzip();
    let keys = keys.unwrap_or_default();
    let verifies = |key: &PublicKey| key.verifies(body, signature);
    let key = if access.is_uniform() {
        found_in_rounds(&keys, roster.rounds(), verifies)
    } else {
        keys.into_iter().find(|key| verifies(key))
    };
    source.zip(key.cloned()).ok_or_else(invalid_signature)
}

/// The header's text; `None` inside where it is no UTF-8.
fn required<'a>(headers: &'a HeaderMap, name: &str, shown: &str) -> Result<Option<&'a str>, Problem> {
    match headers.get(name).map(|value| value.as_bytes().trim_ascii()) {
        None | Some([]) => {
            Err(Problem::new(ErrorCode::MissingAuth, format!("The header {shown} is missing or empty")))
        }
        Some(value) => Ok(std::str::from_utf8(value).ok()),
    }
}

fn unknown_source() -> Problem {
    Problem::new(ErrorCode::UnknownSource, "The source in X-Source-ID is not registered")
}

fn invalid_signature() -> Problem {
    Problem::new(
        ErrorCode::InvalidSignature,
        "X-Signature is not the signature of this source over the body's bytes",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::HeaderValue;
    use ed25519_dalek::SigningKey;
    use vibetea_protocol::signing::sign_body;

    use super::super::Keys;
    use super::*;
    use crate::config::Access;

    fn registry(uniform_errors: bool) -> Registry {
        let key = |seed| PublicKey::of(&SigningKey::from_bytes(&[seed; 32])).to_base64();
        let keys = Keys::parse(&format!("laptop:{},laptop:{}", key(1), key(2))).unwrap();
        Registry::of_configuration(Access::Guarded { keys, token: None, uniform_errors })
    }

    fn headers(source: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SOURCE_HEADER, HeaderValue::from_str(source).unwrap());
        headers.insert(SIGNATURE_HEADER, HeaderValue::from_str(signature).unwrap());
        headers
    }

    fn signed_with(seed: u8, body: &str) -> String {
        sign_body(&SigningKey::from_bytes(&[seed; 32]), body.as_bytes())
    }

    fn roomy() -> Arc<Unverified> {
        Arc::new(Unverified::new(1 << 20))
    }

    async fn code(headers: &HeaderMap, body: Body, limit: usize) -> Option<ErrorCode> {
        receive(&registry(false), &roomy(), headers, body, limit).await.err().map(|refusal| refusal.code())
    }

    async fn uniform(headers: &HeaderMap, body: Body, limit: usize) -> Option<Refusal> {
        receive(&registry(true), &roomy(), headers, body, limit).await.err()
    }

    fn chunked(parts: &[&'static str]) -> Body {
        let parts: Vec<Result<&'static str, std::io::Error>> = parts.iter().copied().map(Ok).collect();
        Body::from_stream(futures_util::stream::iter(parts))
    }

    #[tokio::test]
    async fn each_key_of_a_source_signs_and_no_other_does() {
        for (seed, refused) in [(1, None), (2, None), (3, Some(ErrorCode::InvalidSignature))] {
            let headers = headers("laptop", &signed_with(seed, "[]"));
            assert_eq!(code(&headers, Body::from("[]"), 100).await, refused, "key {seed}");
        }
        let headers = headers("laptop", &signed_with(1, "[]"));
        assert_eq!(code(&headers, Body::from("[ ]"), 100).await, Some(ErrorCode::InvalidSignature));
    }

    #[tokio::test]
    async fn the_key_that_signed_is_told() {
        for (uniform_errors, seed) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
            let headers = headers("laptop", &signed_with(seed, "[]"));
            let signed =
                receive(&registry(uniform_errors), &roomy(), &headers, Body::from("[]"), 100).await.unwrap();
            assert_eq!(signed.key, Some(PublicKey::of(&SigningKey::from_bytes(&[seed; 32]))));
        }
    }

    #[tokio::test]
    async fn the_first_failure_of_the_order_answers() {
        let long = || Body::from("x".repeat(101));
        assert_eq!(code(&HeaderMap::new(), long(), 100).await, Some(ErrorCode::PayloadTooLarge));
        assert_eq!(
            code(&HeaderMap::new(), chunked(&["x"; 101]), 100).await,
            Some(ErrorCode::PayloadTooLarge)
        );
        assert_eq!(code(&HeaderMap::new(), chunked(&["x"; 100]), 100).await, Some(ErrorCode::MissingAuth));
        assert_eq!(code(&headers("", "x"), Body::from("x"), 100).await, Some(ErrorCode::MissingAuth));
        assert_eq!(code(&headers("nobody", ""), Body::from("x"), 100).await, Some(ErrorCode::MissingAuth));
        assert_eq!(code(&headers("nobody", "x"), Body::from("x"), 100).await, Some(ErrorCode::UnknownSource));
        assert_eq!(
            code(&headers("laptop", "x"), Body::from("x"), 100).await,
            Some(ErrorCode::InvalidSignature)
        );
    }

    /// What an unknown source is answered, and from when on, is what a known one with a bad signature is answered.
    #[tokio::test]
    async fn where_it_is_wished_an_unknown_source_is_told_apart_from_a_bad_signature_by_nothing() {
        let wrong = signed_with(3, "[]");
        for signature in [wrong.as_str(), "x"] {
            let known = uniform(&headers("laptop", signature), Body::from("[]"), 100).await;
            assert_eq!(known.as_ref().map(Refusal::code), Some(ErrorCode::InvalidSignature));
            for source in ["nobody", &"x".repeat(129)] {
                let unknown = uniform(&headers(source, signature), Body::from("[]"), 100).await;
                assert_eq!(unknown, known, "{source}");
            }
        }
        assert_eq!(uniform(&headers("laptop", &signed_with(2, "[]")), Body::from("[]"), 100).await, None);
        // neither is answered before its body is read: the first word of a body that breaks off is about that
        let broken =
            || Body::from_stream(futures_util::stream::iter([Err::<&str, _>(std::io::Error::other("gone"))]));
        for source in ["laptop", "nobody"] {
            let mut headers = headers(source, &wrong);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("2"));
            let refusal = uniform(&headers, broken(), 100).await.unwrap();
            assert_eq!(refusal.code(), ErrorCode::InvalidRequest, "{source}");
        }
        // the twin: by default they are told apart
        assert_eq!(
            code(&headers("nobody", &wrong), Body::from("[]"), 100).await,
            Some(ErrorCode::UnknownSource)
        );
    }

    static CHUNK: [u8; 10_000] = [b'x'; 10_000];

    /// A body of unknown length without an end, and how many bytes were taken of it.
    fn endless() -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let chunks = futures_util::stream::repeat_with(move || {
            counter.fetch_add(CHUNK.len(), Ordering::Relaxed);
            Ok::<_, std::io::Error>(&CHUNK[..])
        });
        (Body::from_stream(chunks), taken)
    }

    #[tokio::test]
    async fn of_chunks_without_an_end_no_more_is_read_than_may_be_sent() {
        let signed = headers("laptop", &signed_with(1, "[]"));
        for headers in [HeaderMap::new(), headers("nobody", "x"), signed] {
            let (body, taken) = endless();
            assert_eq!(code(&headers, body, 10 * CHUNK.len()).await, Some(ErrorCode::PayloadTooLarge));
            assert_eq!(
                taken.load(Ordering::Relaxed),
                11 * CHUNK.len(),
                "the chunk that is too much is the last"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_the_headers_refuse_is_not_kept() {
        let no_room = Arc::new(Unverified::new(0));
        let code = async |headers: HeaderMap| {
            let received = receive(&registry(false), &no_room, &headers, chunked(&["x"; 50]), 100).await;
            received.unwrap_err().code()
        };
        assert_eq!(code(HeaderMap::new()).await, ErrorCode::MissingAuth);
        assert_eq!(code(headers("nobody", "x")).await, ErrorCode::UnknownSource);
        // the twin: one that may turn out to be signed is
        assert_eq!(code(headers("laptop", &signed_with(1, "other"))).await, ErrorCode::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let headers = headers("laptop", &signed_with(1, "[]"));
        assert_eq!(code(&headers, endless, 100).await, Some(ErrorCode::RequestTimeout));
    }

    #[tokio::test]
    async fn without_authentication_a_source_is_still_needed() {
        let refused = |headers| async move {
            let registry = Registry::of_configuration(Access::Open);
            let received = receive(&registry, &roomy(), &headers, Body::from("[]"), 100).await;
            received.err().map(|refusal| refusal.code())
        };
        assert_eq!(refused(HeaderMap::new()).await, Some(ErrorCode::MissingAuth));
        assert_eq!(refused(headers("anyone", "")).await, None);
        assert_eq!(refused(headers(&"x".repeat(129), "")).await, Some(ErrorCode::UnknownSource));
    }
}
