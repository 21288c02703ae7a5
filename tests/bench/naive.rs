//! The server that fan-out is compared with: a broadcast channel, and a send of its own for each event and socket,
//! as the plainest code does it. It stores nothing and checks nothing.

use std::net::SocketAddr;

use anyhow::Result;
use futures_util::SinkExt as _;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::events::{Ids, Maker, body};

/// Waits for the sockets, sends the events to all of them, and ends.
pub(crate) async fn serve(address: SocketAddr, subscribers: usize, events: usize) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    let (channel, _) = broadcast::channel::<Utf8Bytes>(events);
    let mut senders = JoinSet::new();
    while senders.len() < subscribers {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // a connection that only looked whether somebody listens makes no handshake
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        let mut receiver = channel.subscribe();
        senders.spawn(async move {
            for _ in 0..events {
                let Ok(frame) = receiver.recv().await else { return };
                if socket.send(Message::Text(frame)).await.is_err() {
                    return;
                }
            }
        });
    }
    let source = vibetea_tests::place::source();
    let mut maker = Maker::live(Ids::HourFirst, 61);
    for _ in 0..events {
        let frame = body(&maker.take(1), &source);
        if channel.send(frame.into()).is_err() {
            break;
        }
    }
    while senders.join_next().await.is_some() {}
    Ok(())
}
