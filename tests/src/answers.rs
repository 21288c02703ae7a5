//! A small blocking HTTP client: one request, one connection, the whole answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The head, as it was sent.
    pub head: String,
    /// The body, text.
    pub body: String,
}

impl Answer {
    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// `GET` with headers, each written `Name: value`; `None` while nobody listens.
pub fn get(server: SocketAddr, path: &str, headers: &[String]) -> Option<Answer> {
    request(server, &format!("GET {path}"), headers, b"")
}

/// `POST` of a body.
pub fn post(server: SocketAddr, path: &str, headers: &[String], body: &[u8]) -> Option<Answer> {
    request(server, &format!("POST {path}"), headers, body)
}

fn request(server: SocketAddr, line: &str, headers: &[String], body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let mut head = format!("{line} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        head += "Content-Type: application/json\r\nContent-Length: ";
        head += &body.len().to_string();
        head += "\r\n";
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let in_chunks = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    let body = if in_chunks { joined(body)? } else { body.to_owned() };
    Some(Answer { status, head: head.to_owned(), body })
}

/// A body that was sent in chunks, each behind its length; of ASCII alone, as lengths count bytes.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n")?;
        let length = usize::from_str_radix(length.split(';').next()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(rest.get(..length)?);
        chunks = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

/// The header that a viewer shows.
pub fn bearer(token: &str) -> Vec<String> {
    vec![format!("Authorization: Bearer {token}")]
}
