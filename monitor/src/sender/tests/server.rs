//! A server that does what a test tells it, down to cutting the connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

impl Request {
    pub(super) fn events(&self) -> Vec<serde_json::Value> {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The numbers that [`crate::outbox::testing::numbered_id`] made ids of.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.events().iter().map(|event| event["id"].as_str().unwrap()[4..].parse().unwrap()).collect()
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Answers with this status, these header lines and this body.
    Answer(u16, &'static str, String),
    /// Closes the connection without a word.
    Cut,
    /// Keeps the connection and says nothing.
    Silence,
    /// Sends this at one byte every few milliseconds, without end.
    Drip(&'static str),
}

pub(super) fn status(status: u16) -> Reply {
    Reply::Answer(status, "", String::new())
}

pub(super) fn refusal(status: u16, code: &str) -> Reply {
    Reply::Answer(status, "", format!(r#"{{"error":"{code}","message":"a sentence for people"}}"#))
}

type Script = dyn FnMut(&Request, &mut Store) -> Reply + Send;

/// What a real server keeps: how often each event was sent and accepted.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<u64, usize>);

impl Store {
    /// Takes the events of a request, as a real server does, by their ids.
    pub(super) fn commit(&mut self, request: &Request) {
        for number in request.numbers() {
            *self.0.entry(number).or_default() += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// Events that came again after they had been committed.
    pub(super) fn duplicates(&self) -> usize {
        self.0.values().map(|count| count - 1).sum()
    }
}

pub(super) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    store: Arc<Mutex<Store>>,
    open: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(script: impl FnMut(&Request, &mut Store) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let store: Arc<Mutex<Store>> = Arc::default();
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let (open, connections): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let task = {
            let (requests, store, open, connections) =
                (requests.clone(), store.clone(), open.clone(), connections.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    open.fetch_add(1, Ordering::SeqCst);
                    connections.fetch_add(1, Ordering::SeqCst);
                    let (requests, store, script, open) =
                        (requests.clone(), store.clone(), script.clone(), open.clone());
                    tokio::spawn(async move {
                        serve(stream, &requests, &store, &script).await;
                        open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            })
        };
        Self { address, requests, store, open, connections, task: task.abort_handle() }
    }

    /// Commits everything and answers as the live route does.
    pub(super) async fn accepting() -> Self {
        Self::start(|request, store| {
            store.commit(request);
            status(202)
        })
        .await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// Connections that are open now.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Connections that ever were.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: &Mutex<Vec<Request>>,
    store: &Mutex<Store>,
    script: &Mutex<Box<Script>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        requests.lock().unwrap().push(request.clone());
        let reply = script.lock().unwrap()(&request, &mut store.lock().unwrap());
        match reply {
            Reply::Answer(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Cut => return,
            Reply::Silence => {
                // until the other side gives up
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
            Reply::Drip(text) => {
                for byte in text.bytes().chain(std::iter::repeat(b'x')) {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at;
        }
        fill(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let end = head_end + 4 + length;
    while buffer.len() < end {
        fill(stream, buffer).await?;
    }
    let body = buffer[head_end + 4..end].to_vec();
    buffer.drain(..end);
    Some(Request { path, headers, body, at: Instant::now() })
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = vec![0; 16 * 1024];
    let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&chunk[..read]);
    Some(())
}
