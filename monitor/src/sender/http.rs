//! Requests, and what comes back.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, redirect};
use url::{Host, Url};
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;
use vibetea_protocol::signing::sign_body;
use vibetea_protocol::{Clock, ErrorCode, HISTORY_HEADER, SIGNATURE_HEADER, SOURCE_HEADER, SourceId};

use super::Timing;
use super::answer::{Answer, Reason, Verdict, code_word, judge, question, retry_after};
use super::wire::{Request, Wire};
use crate::keys::CurrentKey;
use crate::outbox::Queued;

/// The most of an answer that is read.
const ANSWER_BYTES: usize = 4096;
/// An idle connection is given up before servers and proxies usually do, so that no request is sent into one that
/// is just being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// The HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library or the machine's certificates refuse.
    #[error("cannot set up the HTTP client: {0}")]
    Build(reqwest::Error),
    /// The certificates that are to be trusted cannot be read.
    #[error("cannot use the certificates in {}: {error}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: String,
    },
    /// The source cannot be written into a header.
    #[error("the source name cannot be sent as an HTTP header")]
    Source,
}

/// Who signs.
#[derive(Clone)]
pub struct Signer {
    /// The private key, which may change while the monitor runs.
    pub key: CurrentKey,
    /// The name the server knows the key by.
    pub source: SourceId,
}

/// Posts events to one address.
pub(super) struct Poster {
    client: Client,
    url: Url,
    type_field: TypeField,
    signer: Signer,
    source: HeaderValue,
    timing: Timing,
    clock: Clock,
}

impl Poster {
    pub(super) fn new(
        url: Url,
        type_field: TypeField,
        signer: Signer,
        client: Client,
        timing: Timing,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let source = source_header(&signer.source)?;
        Ok(Self { client, url, type_field, signer, source, timing, clock })
    }

    /// The JSON array of as many rows as fit into `max_bytes`, at least one, and their number.
    fn encode(&self, rows: &[Queued], max_bytes: usize) -> (String, usize) {
        let mut body = String::from("[");
        for (count, row) in rows.iter().enumerate() {
            let before = body.len();
            if count > 0 {
                body.push(',');
            }
            write_event(
                &mut body,
                self.type_field,
                &row.id,
                &self.signer.source,
                row.timestamp,
                row.event_type,
                &row.payload,
            );
            if count > 0 && body.len() >= max_bytes {
                body.truncate(before);
                body.push(']');
                return (body, count);
            }
        }
        body.push(']');
        (body, rows.len())
    }

    async fn read(&self, response: Response) -> Answer {
        let status = response.status();
        let after = self.asked_to_wait(status, response.headers());
        let asks = response.headers().get(HISTORY_HEADER).and_then(|value| question(value.to_str().ok()?));
        // the status decides; the rest is only read to learn the code word and to keep the connection
        let body = tokio::time::timeout(self.timing.answer_body, start_of_body(response)).await;
        let code = if status.is_success() { None } else { body.ok().and_then(|body| code_word(&body)) };
        // of a server that does not know this monitor, or of something in front of it, it says nothing
        let asks = asks.filter(|_| status.is_success());
        Answer { asks, ..judge(status.as_u16(), code, after) }
    }

    fn asked_to_wait(&self, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        if status.is_success() {
            return None;
        }
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
        retry_after(value, self.clock.now(), self.timing.retry_after_cap)
    }

    fn describe(&self, error: &reqwest::Error) -> Reason {
        if error.is_timeout() && !error.is_connect() {
            return Reason::NoAnswer(format!("no answer within {} s", self.timing.request.as_secs()));
        }
        let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
        let text = cause(error).map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"));
        if error.is_connect() { Reason::NoConnection(text) } else { Reason::NoAnswer(text) }
    }
}

impl Wire for Poster {
    fn request(&self, rows: &[Queued], max_bytes: usize) -> Request {
        let (body, events) = self.encode(rows, max_bytes);
        let pair = self.signer.key.pair();
        let signature = sign_body(&pair.key, body.as_bytes());
        Request { body: Bytes::from(body), signature, public_key: pair.public.clone(), events }
    }

    async fn post(&self, request: Request) -> Answer {
        let sent = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(SOURCE_HEADER, self.source.clone())
            .header(SIGNATURE_HEADER, request.signature)
            .body(request.body)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let answer = self.read(response).await;
                if is_of_the_key(&answer.reason) {
                    self.signer.key.refused(&request.public_key);
                }
                answer
            }
            Err(error) => {
                let reason = self.describe(&error);
                Answer { verdict: Verdict::Later { after: None }, reason, asks: None }
            }
        }
    }

    fn address(&self) -> &str {
        self.url.as_str()
    }
}

/// Whether another key of this source might have been taken.
fn is_of_the_key(reason: &Reason) -> bool {
    let Reason::Status { status: 401, code: Some(code) } = reason else { return false };
    [ErrorCode::InvalidSignature, ErrorCode::UnknownSource].iter().any(|known| known.as_str() == code)
}

/// A post of `body` that follows no redirect, signed if there is somebody to sign.
pub(super) fn post(
    url: &Url,
    ca_cert: Option<&Path>,
    timing: Timing,
    body: String,
    signer: Option<&Signer>,
) -> Result<RequestBuilder, ClientError> {
    let mut request =
        client(url, ca_cert, timing)?.post(url.clone()).header(CONTENT_TYPE, "application/json");
    if let Some(signer) = signer {
        let signature = sign_body(&signer.key.pair().key, body.as_bytes());
        request =
            request.header(SOURCE_HEADER, source_header(&signer.source)?).header(SIGNATURE_HEADER, signature);
    }
    Ok(request.body(body))
}

/// What went wrong at the bottom: the name, the connection, the certificate. Nothing where only the outermost error is
/// known, which names the URL and adds nothing.
pub(super) fn cause(error: &reqwest::Error) -> Option<String> {
    let innermost = std::iter::successors(error.source(), |error| (*error).source()).last()?.to_string();
    Some(innermost.chars().filter(|c| !c.is_control()).take(120).collect())
}

fn source_header(source: &SourceId) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_bytes(source.as_str().as_bytes()).map_err(|_| ClientError::Source)
}

pub(super) async fn start_of_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES - body.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    body
}

/// A client for one address; the certificates in `ca_cert` are trusted beside the machine's.
pub(super) fn client(url: &Url, ca_cert: Option<&Path>, timing: Timing) -> Result<Client, ClientError> {
    // an error means that a provider is in place already
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(timing.connect)
        .timeout(timing.request)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(1)
        .user_agent(concat!("vibetea-monitor/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca_cert {
        builder = builder.tls_certs_merge(authorities(path)?);
    }
    if is_loopback(url) {
        // a proxy of the environment is for the world outside
        builder = builder.no_proxy();
    }
    builder.build().map_err(ClientError::Build)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let wrong = |error: String| ClientError::Authority { path: path.to_owned(), error };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))
}

/// Whether the host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
