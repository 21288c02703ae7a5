//! Stands between monitor and server and can lie about what the server has.

use std::collections::HashSet;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When the sender hears that its batch is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// When the server has said so.
    WhenAnswered,
    /// At once; the batch goes on to the server a moment later, if there is one then.
    AtOnce,
    /// When the server has said so for the second time; the first time the connection is cut then.
    CutOffAtFirst,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) reply: Reply,
    /// What connections were cut of, each once.
    pub(super) cut: Cut,
}

/// Bodies that the server had when the connection was cut before its answer.
pub(super) type Cut = Arc<Mutex<HashSet<Vec<u8>>>>;

/// What a server that answers too early has not done yet.
const COMMIT_TAKES: Duration = Duration::from_millis(40);

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Proxy {
    /// Listens until the process ends; answers where.
    pub(super) fn start(self, at: SocketAddr, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind(at).expect("the port is free");
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let cut = self.cut.clone();
                std::thread::spawn(move || self.reply.serve(&connection, server, &cut));
            }
        });
        at
    }
}

impl Reply {
    fn serve(self, connection: &TcpStream, server: SocketAddr, cut: &Cut) {
        let mut reader = BufReader::new(connection);
        while let Some(request) = read_request(&mut reader) {
            let answer = match self {
                Self::WhenAnswered => forward(server, &request),
                Self::CutOffAtFirst => {
                    let answer = forward(server, &request);
                    let mut cut = cut.lock().expect("nobody panics with it");
                    answer.filter(|_| !cut.insert(request.body))
                }
                Self::AtOnce => {
                    let empty =
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                            .to_vec();
                    std::thread::spawn(move || {
                        std::thread::sleep(COMMIT_TAKES);
                        forward(server, &request)
                    });
                    Some(empty)
                }
            };
            let mut connection = connection;
            if answer.is_none_or(|answer| connection.write_all(&answer).is_err()) {
                return;
            }
        }
    }
}

fn read_request(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

/// One request on a connection of its own; `None` where the server is away or goes away.
fn forward(server: SocketAddr, request: &Request) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(server).ok()?;
    let head = request.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&request.body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}
