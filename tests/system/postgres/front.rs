//! A planted gateway in front of a server, which tells clients what the server does not.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use vibetea_tests::program::loopback;

/// What is answered to a request: its first line, and how the server itself would be asked.
pub(super) type Answering = dyn Fn(&str, &dyn Fn() -> Vec<u8>) -> Vec<u8> + Send + Sync;

/// Lives as long as the process of its test.
pub(super) fn start(
    server: SocketAddr,
    answering: impl Fn(&str, &dyn Fn() -> Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind(loopback(0)).expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let answering: Arc<Answering> = Arc::new(answering);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answering = Arc::clone(&answering);
            // a client that leaves is no matter
            std::thread::spawn(move || serve(client, server, &*answering));
        }
    });
    address
}

fn serve(mut client: TcpStream, server: SocketAddr, answering: &Answering) -> std::io::Result<()> {
    let request = request(&mut client)?;
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let ask = || exchange(server, &request).unwrap_or_default();
    client.write_all(&answering(&line, &ask))?;
    client.shutdown(Shutdown::Both)
}

/// A request with its body.
fn request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
            let length: usize = length.lines().next().unwrap_or_default().trim().parse().unwrap_or(0);
            if request.len() >= head.len() + 4 + length {
                return Ok(request);
            }
        }
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(request);
        }
        request.extend_from_slice(&buffer[..read]);
    }
}

/// What the server answers, which closes the connection when it has.
fn exchange(server: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
