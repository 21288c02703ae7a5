//! The real server among peers that are slow, many, dead, or mean harm, and what it lets through encrypted.

mod bombs;
mod crowd;
mod dependencies;
mod dumps;
mod leaving;
mod logs;
mod open;
mod readers;
mod secrets;
mod slow;
mod sockets;
mod timing;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use vibetea_protocol::Clock;
use vibetea_protocol::signing::sign_body;
use vibetea_tests::answers;
use vibetea_tests::place::{Place, SOURCE, TOKEN};
use vibetea_tests::program::{Program, loopback};

use crate::crash::is_soak;

const DEADLINE: Duration = Duration::from_secs(30);

/// A server of its own, and who may send to it.
struct Rig {
    place: Place,
    server: Program,
    key: SigningKey,
}

impl Rig {
    fn start(more: &[(&'static str, &str)]) -> Self {
        let place = Place::new();
        let public = place.make_keys();
        let server = place.start_server_with(&public, more);
        let key = SigningKey::from_bytes(&place.private_key());
        Self { place, server, key }
    }

    fn address(&self) -> SocketAddr {
        loopback(self.place.port)
    }

    fn signed_headers(&self, body: &[u8]) -> Vec<String> {
        vec![format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&self.key, body))]
    }

    fn post(&self, path: &str, events: &[Value]) -> answers::Answer {
        let body = serde_json::to_vec(events).unwrap();
        answers::post(self.address(), path, &self.signed_headers(&body), &body).unwrap()
    }

    /// How many live streams the server serves.
    fn streams(&self) -> Option<u64> {
        answers::get(self.address(), "/health", &[])?.json()["connections"].as_u64()
    }
}

/// What something cost, by the memory before it and the most that was ever held.
fn cost(before: u64, peak: u64) -> u64 {
    peak.saturating_sub(before)
}

/// A tool event of the usual source, now.
fn event(number: u64, project: &str) -> Value {
    json!({
        "id": format!("evt_{number:020}"),
        "source": SOURCE,
        "timestamp": Clock::System.now(),
        "type": "tool",
        "payload": { "sessionId": "s", "tool": "Read", "status": "started", "project": project },
    })
}

/// A connection with little room for what is not read.
async fn narrow(server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server).await.unwrap()
}

/// An upgraded connection whose frames nobody reads but the test.
async fn upgraded(server: SocketAddr) -> TcpStream {
    let mut stream = narrow(server).await;
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    stream
}
