//! A viewer's WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// An open socket.
#[derive(Debug)]
pub struct Viewer {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Viewer {
    /// Opens `/ws` with a token; `more` is what follows in the query, `&…`.
    pub async fn open(server: SocketAddr, token: &str, more: &str) -> Self {
        Self::open_at(format!("ws://{server}/ws?token={token}{more}")).await
    }

    /// Opens `/ws` with a ticket.
    pub async fn open_with_ticket(server: SocketAddr, ticket: &str) -> Self {
        Self::open_at(format!("ws://{server}/ws?ticket={ticket}")).await
    }

    async fn open_at(url: String) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(url).await.expect("the socket opens");
        Self { stream }
    }

    /// The text of the next event frame; `None` once the server has closed.
    pub async fn next_text(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame as JSON, in time.
    pub async fn next(&mut self, deadline: Duration) -> Value {
        let text = tokio::time::timeout(deadline, self.next_text()).await;
        let text = text.unwrap_or_else(|_| panic!("no frame within {deadline:?}"));
        serde_json::from_str(&text.expect("the socket stays open")).expect("a frame is JSON")
    }
}
