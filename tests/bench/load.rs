//! A load that costs little: kept connections, bytes that were made ahead of time, answers read and no more.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends each list of requests over a connection of its own, one after the other, all lists at once. Every answer
/// must be a success.
pub(crate) async fn send(server: SocketAddr, lists: Vec<Vec<Bytes>>) -> Result<Duration> {
    let mut connections = Vec::new();
    for list in lists {
        let stream = TcpStream::connect(server).await.context("the server takes a connection")?;
        stream.set_nodelay(true)?;
        connections.push((stream, list));
    }
    let start = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|(mut stream, list)| {
            tokio::spawn(async move {
                let mut answer = Vec::with_capacity(1024);
                for request in list {
                    stream.write_all(&request).await?;
                    read_answer(&mut stream, &mut answer).await?;
                }
                Ok::<(), anyhow::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(start.elapsed())
}

/// Parts requests evenly over connections.
pub(crate) fn spread(requests: Vec<Bytes>, connections: usize) -> Vec<Vec<Bytes>> {
    let mut lists = vec![Vec::new(); connections];
    for (index, request) in requests.into_iter().enumerate() {
        lists[index % connections].push(request);
    }
    lists
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    let head_end = loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = std::str::from_utf8(&buffer[..head_end])?;
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let status = head.get(9..12).unwrap_or_default().to_owned();
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
    }
    if !status.starts_with('2') {
        bail!("the server answered {status}: {}", String::from_utf8_lossy(&buffer[head_end..]));
    }
    Ok(())
}
