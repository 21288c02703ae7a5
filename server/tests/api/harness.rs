//! The real server in this process on a port of its own, and clients that speak to it as foreign programs do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::Timestamp;
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_server::RunError;
use vibetea_server::config::{Args, Config, ConfigError};

use crate::home::Home;

/// Longest anything here may take; only a fault reaches it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// The viewers' token of every server of these tests.
pub(crate) const TOKEN: &str = "vt_test_8c1f5e0f2b7d4a6993ab";
/// The source most tests send as.
pub(crate) const SOURCE: &str = "laptop";

/// The private key of a source; its public half is registered for every source a [`Setup`] names.
pub(crate) fn key_of(source: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(source.as_bytes()).into())
}

/// How a server is to be configured.
pub(crate) struct Setup {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) sources: Vec<String>,
    home: Arc<Home>,
}

impl Setup {
    /// Two sources, one token, a store of its own, a rate nobody reaches.
    pub(crate) fn new() -> Self {
        Self::at(Arc::new(Home::new()))
    }

    /// As [`Setup::new`], with what an earlier server left.
    pub(crate) fn at(home: Arc<Home>) -> Self {
        let path = home.dir().to_str().unwrap();
        let variables = [
            ("PORT", "0".to_owned()),
            ("VIBETEA_DATA_DIR", path.to_owned()),
            ("VIBETEA_DATABASE_URL", home.url()),
            ("VIBETEA_SUBSCRIBER_TOKEN", TOKEN.to_owned()),
            ("VIBETEA_RATE_LIMIT_PER_SEC", "1000000".to_owned()),
            ("VIBETEA_RATE_LIMIT_BURST", "1000000".to_owned()),
        ];
        Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            sources: vec![SOURCE.to_owned(), "desktop".to_owned()],
            home,
        }
    }

    /// No signatures and no tokens.
    pub(crate) fn without_auth() -> Self {
        let mut setup = Self::new().with("VIBETEA_UNSAFE_NO_AUTH", "true");
        setup.variables.remove("VIBETEA_SUBSCRIBER_TOKEN");
        setup.sources.clear();
        setup
    }

    /// Keeps nothing: passes live events on.
    pub(crate) fn relay() -> Self {
        Self::new().with("VIBETEA_DATABASE_URL", "none")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Registers further sources.
    pub(crate) fn with_sources(mut self, sources: impl IntoIterator<Item = String>) -> Self {
        for source in sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let keys: Vec<String> = self
            .sources
            .iter()
            .map(|source| format!("{source}:{}", PublicKey::of(&key_of(source)).to_base64()))
            .collect();
        let mut variables = self.variables.clone();
        if !keys.is_empty() {
            variables.entry("VIBETEA_PUBLIC_KEYS".to_owned()).or_insert(keys.join(","));
        }
        Config::load(&Args::default(), &move |name: &str| variables.get(name).cloned())
    }

    pub(crate) async fn start(self) -> Server {
        self.try_start().await.unwrap()
    }

    /// Starts a server that may refuse to.
    pub(crate) async fn try_start(self) -> Result<Server, RunError> {
        let config = self.load().unwrap();
        self.try_start_as(config).await
    }

    /// The same with settings that no variable stands for.
    pub(crate) async fn try_start_as(self, config: Config) -> Result<Server, RunError> {
        let stop = CancellationToken::new();
        let (ready, bound) = oneshot::channel();
        let tell = move |address| ready.send(address).unwrap();
        let task = tokio::spawn(vibetea_server::run(config, tell, stop.clone()));
        match timeout(DEADLINE, bound).await.expect("the server starts or says why not") {
            Ok(address) => Ok(Server { address, stop, task, home: self.home, client: client() }),
            Err(_) => Err(task.await.unwrap().unwrap_err()),
        }
    }
}

fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

/// A running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
    home: Arc<Home>,
    client: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of a header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of the error envelope, whose form is checked on the way.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        assert!(self.header("content-type").starts_with("application/json"), "{self:?}");
        let envelope = self.json();
        let fields: Vec<&String> = envelope.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["error", "message"], "{self:?}");
        assert!(!envelope["message"].as_str().unwrap().is_empty(), "{self:?}");
        envelope["error"].as_str().unwrap().to_owned()
    }

    /// Status and code, as most tests compare them.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.error())
    }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn home(&self) -> Arc<Home> {
        Arc::clone(&self.home)
    }

    /// A request with nothing filled in.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// A GET with this `Authorization` header.
    pub(crate) async fn get_with(&self, path: &str, authorization: &str) -> Answer {
        send(self.request(Method::GET, path).header("authorization", authorization)).await
    }

    /// A GET with the viewers' token.
    pub(crate) async fn view(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(TOKEN)).await
    }

    /// A signed POST, as a monitor sends it.
    pub(crate) async fn post(&self, path: &str, source: &str, body: impl Into<Vec<u8>>) -> Answer {
        send(self.signed(path, source, body)).await
    }

    /// A signed POST, not yet sent.
    pub(crate) fn signed(&self, path: &str, source: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        let body = body.into();
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .header("x-source-id", HeaderValue::from_bytes(source.as_bytes()).unwrap())
            .header("x-signature", sign_body(&key_of(source), &body))
            .body(body)
    }

    /// Posts events of the usual source and wants them taken.
    pub(crate) async fn ingest(&self, events: &[Value]) -> Value {
        let answer = self.post("/ingest", SOURCE, body(events)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Posts events of the usual source on the live path and wants them taken.
    pub(crate) async fn live(&self, events: &[Value]) {
        let answer = self.post("/events", SOURCE, body(events)).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{answer:?}");
    }

    /// Events of the last seven days, by the query route.
    pub(crate) async fn counted(&self) -> u64 {
        let answer = self.view("/query?days=7").await;
        let rows = answer.json()["aggregates"].as_array().unwrap().clone();
        rows.iter().map(|row| row["eventCount"].as_u64().unwrap()).sum()
    }

    /// What the store holds, as `{id, source, timestamp, type, payload}`, read past the server.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.home.rows()
    }

    /// Asks the server to stop, as a signal does.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the server and waits until it is gone.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        timeout(DEADLINE, &mut self.task).await.expect("the server ends").unwrap().unwrap();
    }

    /// Sends bytes as they are and reads one answer: its head and what came with it.
    pub(crate) async fn raw_head(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        let whole =
            async { while !is_whole(&answer) && stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {} };
        timeout(DEADLINE, whole).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // a server that refuses early may close before all is written
        let _ = stream.write_all(request.as_ref()).await;
        read_to_close(&mut stream).await
    }
}

/// Whether an answer's head is there, and its body as far as the head tells its length.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.is_none_or(|length| body.len() >= length.trim().parse().unwrap_or(0))
}

/// What comes until the other side closes; a reset counts as a close.
pub(crate) async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer in raw bytes; 0 where there is none.
pub(crate) fn status_of(raw: &str) -> u16 {
    raw.strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok())
        .unwrap_or(0)
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, body: answer.text().await.unwrap() }
}

/// Whether a request ended in an answer at all, and with which status.
pub(crate) async fn try_send(request: RequestBuilder) -> Option<StatusCode> {
    request.send().await.ok().map(|answer| answer.status())
}

/// Polls until `check` answers, or fails at the deadline.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let poll = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("{what} within {DEADLINE:?}"))
}

/// The n-th id.
pub(crate) fn id(n: u64) -> String {
    format!("evt_{n:020}")
}

/// The present moment.
pub(crate) fn now() -> Timestamp {
    vibetea_protocol::Clock::System.now()
}

/// A tool event of the usual source, now, in the spelling of the live path.
pub(crate) fn event(n: u64) -> Value {
    serde_json::json!({
        "id": id(n),
        "source": SOURCE,
        "timestamp": now(),
        "type": "tool",
        "payload": { "sessionId": "6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d", "tool": "Read", "status": "started", "project": "shop" },
    })
}

/// Events with the numbers of a range.
pub(crate) fn events(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers.map(event).collect()
}

/// An event with one field changed.
pub(crate) fn changed(mut event: Value, field: &str, value: impl Into<Value>) -> Value {
    event[field] = value.into();
    event
}

/// An array body.
pub(crate) fn body(events: &[Value]) -> Vec<u8> {
    serde_json::to_vec(events).unwrap()
}
