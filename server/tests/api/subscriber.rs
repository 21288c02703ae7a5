//! A viewer's socket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{DEADLINE, Server, TOKEN};

pub(crate) struct Subscriber {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Opens a socket with these headers, or tells the status and body of the refusal.
pub(crate) async fn open(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Subscriber, (u16, String)> {
    let uri = format!("ws://{}{path}", server.address).parse().unwrap();
    let mut request = ClientRequestBuilder::new(uri);
    for (name, value) in headers {
        request = request.with_header(*name, *value);
    }
    match timeout(DEADLINE, connect_async(request)).await.expect("an answer to the upgrade") {
        Ok((socket, _)) => Ok(Subscriber { socket }),
        Err(Error::Http(answer)) => Err(refusal(&answer)),
        Err(error) => panic!("{error}"),
    }
}

fn refusal(answer: &Response) -> (u16, String) {
    let body: Value =
        serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap_or_default();
    (answer.status().as_u16(), body["error"].as_str().unwrap_or_default().to_owned())
}

impl Subscriber {
    /// A socket with the right token and this query string.
    pub(crate) async fn connect(server: &Server, query: &str) -> Self {
        Self::connect_at(server, &format!("/ws{query}")).await
    }

    /// As [`Subscriber::connect`], with the whole path.
    pub(crate) async fn connect_at(server: &Server, path: &str) -> Self {
        let token = format!("Bearer {TOKEN}");
        open(server, path, &[("Authorization", &token)]).await.unwrap()
    }

    /// The next message that is no ping or pong; `None` at the end of the stream.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        loop {
            match timeout(DEADLINE, self.socket.next()).await.expect("a message") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next frame as text.
    pub(crate) async fn text(&mut self) -> String {
        match self.message().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("no text frame: {other:?}"),
        }
    }

    /// The next frame as JSON.
    pub(crate) async fn frame(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The ids of the frames up to and with `last`.
    pub(crate) async fn ids_up_to(&mut self, last: &str) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.last().is_none_or(|id| id != last) {
            let frame = self.frame().await;
            ids.push(frame["id"].as_str().unwrap_or_else(|| panic!("{frame}")).to_owned());
        }
        ids
    }

    /// The close frame, whatever comes before it; `None` where the stream ends without one.
    pub(crate) async fn close_frame(&mut self) -> Option<CloseFrame> {
        loop {
            match self.message().await {
                Some(Message::Close(frame)) => return frame,
                Some(_) => {}
                None => return None,
            }
        }
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        timeout(DEADLINE, self.socket.send(message)).await.unwrap_or(Err(Error::ConnectionClosed))
    }
}
