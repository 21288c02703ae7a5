//! `GET /ws` with a peer that does not keep to the protocol.

use std::cell::Cell;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{DEADLINE, Server, Setup, TOKEN, event, id, status_of};
use crate::subscriber::Subscriber;

/// An upgraded connection, whose frames are written by hand.
async fn upgraded(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
        server.address
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = [0; 512];
    let length = stream.read(&mut head).await.unwrap();
    assert_eq!(status_of(&String::from_utf8_lossy(&head[..length])), 101);
    stream
}

/// The code of the close frame that comes, passing over pongs; `None` where the connection ends without one.
async fn close_code(stream: &mut (impl AsyncRead + Unpin)) -> Option<u16> {
    let read = async {
        loop {
            let head = [stream.read_u8().await.ok()?, stream.read_u8().await.ok()?];
            assert!(head[1] < 126, "a control frame is short");
            let mut payload = vec![0; usize::from(head[1])];
            stream.read_exact(&mut payload).await.ok()?;
            if head[0] == 0x88 {
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
    };
    timeout(DEADLINE, read).await.expect("the server closes")
}

/// A frame of this first byte, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[tokio::test]
async fn a_frame_against_the_protocol_ends_the_socket_with_the_reason() {
    let server = Setup::new().start().await;
    let endless = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec();
    let a_mebibyte = [0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0].to_vec();
    for (what, bytes, code) in [
        ("an unmasked frame", vec![0x81, 2, b'h', b'i'], 1002),
        ("a reserved bit", frame(0xc1, b"hi"), 1002),
        ("all reserved bits", frame(0xf1, b"hi"), 1002),
        ("a reserved kind", frame(0x83, b"hi"), 1002),
        ("a continuation of nothing", frame(0x80, b"hi"), 1002),
        ("a ping in pieces", frame(0x09, b"hi"), 1002),
        ("bad UTF-8", frame(0x81, &[0xc0, 0xaf]), 1007),
        ("a surrogate", frame(0x81, &[0xed, 0xa0, 0x80]), 1007),
        ("an endless length", endless, 1009),
        ("a mebibyte", a_mebibyte, 1009),
    ] {
        let mut stream = upgraded(&server).await;
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(close_code(&mut stream).await, Some(code), "{what}");
    }
    // the twin: what keeps to the protocol ends nothing
    let mut stream = upgraded(&server).await;
    stream.write_all(&frame(0x81, "grüße".as_bytes())).await.unwrap();
    stream.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    assert_eq!(close_code(&mut stream).await, Some(1000));
}

/// The code with which a server ends a socket while bytes go on coming, and how many it took until then.
async fn code_amid(server: &Server, first: Vec<u8>, more: Vec<u8>) -> (Option<u16>, usize) {
    let (mut reading, mut writing) = upgraded(server).await.into_split();
    let sent = Cell::new(first.len());
    let pour = async {
        // a server that has had enough closes, and then a write fails
        let mut taken = writing.write_all(&first).await.is_ok();
        while taken {
            taken = writing.write_all(&more).await.is_ok();
            sent.set(sent.get() + more.len());
        }
        std::future::pending::<()>().await;
    };
    let code = tokio::select! {
        biased;
        code = close_code(&mut reading) => code,
        () = pour => None,
    };
    (code, sent.get())
}

/// What two systems hold of a connection between two programs, at most.
const BETWEEN: usize = 16 * 1024 * 1024;

#[tokio::test]
async fn fragments_without_an_end_and_large_frames_end_the_socket_at_the_limit() {
    let server = Setup::new().start().await;
    let fragments = (frame(0x02, &[b'x'; 125]), frame(0x00, &[b'x'; 125]));
    let small = (frame(0x01, b""), frame(0x00, b"x").repeat(100));
    let large = ([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0].to_vec(), vec![b'x'; 4096]);
    for (what, (first, more)) in [("fragments", fragments), ("small ones", small), ("a mebibyte", large)] {
        let (code, sent) = code_amid(&server, first, more).await;
        assert_eq!(code, Some(1009), "{what} after {sent} bytes");
        assert!(sent < BETWEEN, "{what}: {sent} bytes");
    }
    // the twin: fragments that end in time end nothing
    let mut stream = upgraded(&server).await;
    let pieces =
        [frame(0x02, &[b'x'; 125]), frame(0x00, &[b'x'; 125]).repeat(400), frame(0x80, b"x")].concat();
    stream.write_all(&pieces).await.unwrap();
    stream.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    assert_eq!(close_code(&mut stream).await, Some(1000));
}

#[tokio::test]
async fn a_flood_of_pings_harms_nobody_else() {
    let server = Setup::new().start().await;
    let mut honest = Subscriber::connect(&server, "").await;
    let mut stream = upgraded(&server).await;
    let pings = frame(0x89, &[b'x'; 100]).repeat(1000);
    // nobody reads the pongs; how that ends takes longer, see the tests of the whole system
    for _ in 0..100 {
        if timeout(Duration::from_millis(200), stream.write_all(&pings)).await.is_err() {
            break;
        }
    }
    server.live(&[event(1)]).await;
    assert_eq!(honest.frame().await["id"], id(1));
}
