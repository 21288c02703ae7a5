//! A burst to many sockets: nothing lost, and how fast beside a server that sends each event on its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use vibetea_tests::place::TOKEN;
use vibetea_tests::program::{Program, free_port, loopback};

use crate::events::{Ids, Maker};
use crate::load;
use crate::report::{Aim, Report, rate};
use crate::servers::Server;

const BURST: u64 = 10_000;
const POSTERS: usize = 4;
/// Events of the compared server, which would take minutes for a whole burst.
const NAIVE_EVENTS: u64 = 1000;
const SILENCE: Duration = Duration::from_secs(15);

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    for subscribers in [50, 200] {
        let ours = burst(subscribers, BURST, 100).await?;
        let batches = burst(subscribers, BURST, 1000).await?;
        let naive = naive(subscribers).await?;
        let name = format!("burst of {BURST} to {subscribers} sockets");
        report.add(format!("{name}, requests of 100: lost"), ours.lost, "events", Aim::AtMost(0.0));
        report.add(format!("{name}, requests of 1000: lost"), batches.lost, "events", Aim::AtMost(0.0));
        report.add(format!("{name}, requests of 100"), ours.rate, "deliveries/s", Aim::None);
        report.add(format!("{name}, requests of 1000"), batches.rate, "deliveries/s", Aim::None);
        report.add(format!("a send per event to {subscribers} sockets"), naive, "deliveries/s", Aim::None);
        let ratio = batches.rate / naive;
        report.add(format!("{name} / a send per event"), ratio, "×", Aim::AtLeast(10.0));
    }
    let thousand = burst(200, 1000, 1000).await?;
    report.add("1,000 events to 200 sockets", thousand.rate, "deliveries/s", Aim::None);
    Ok(())
}

struct Outcome {
    lost: f64,
    rate: f64,
}

/// Posts the burst, signed and stored on the way, and counts what every socket gets.
async fn burst(subscribers: usize, events: u64, per_request: usize) -> Result<Outcome> {
    let server = Server::start();
    let mut maker = Maker::live(Ids::HourFirst, 51);
    let count = usize::try_from(events)? / per_request;
    let requests = server.requests("/events", &mut maker, count, per_request);
    let sockets = Sockets::open(server.address(), subscribers, events).await?;
    let start = Instant::now();
    load::send(server.address(), load::spread(requests, POSTERS)).await?;
    sockets.outcome(start).await
}

async fn naive(subscribers: usize) -> Result<f64> {
    let address = loopback(free_port());
    let logs = tempfile::tempdir()?;
    let arguments =
        ["--naive-fanout".to_owned(), address.to_string(), subscribers.to_string(), NAIVE_EVENTS.to_string()];
    let _server = Program::start("bench", arguments, [], logs.path());
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            bail!("the compared server did not start");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sockets = Sockets::open(address, subscribers, NAIVE_EVENTS).await?;
    // it starts when the last socket is open
    Ok(sockets.outcome(Instant::now()).await?.rate)
}

/// Open sockets that count what comes.
struct Sockets {
    readers: JoinSet<Result<u64>>,
    expected: u64,
}

impl Sockets {
    async fn open(server: SocketAddr, count: usize, events: u64) -> Result<Self> {
        let mut readers = JoinSet::new();
        let total = Arc::new(AtomicU64::new(0));
        for _ in 0..count {
            let stream = open_socket(server).await?;
            readers.spawn(count_frames(stream, events, Arc::clone(&total)));
        }
        Ok(Self { readers, expected: events * u64::try_from(count)? })
    }

    async fn outcome(mut self, start: Instant) -> Result<Outcome> {
        let mut received = 0;
        let mut last = start;
        while let Some(count) = self.readers.join_next().await {
            received += count??;
            last = Instant::now();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let missing = self.expected.saturating_sub(received) as f64;
        Ok(Outcome { lost: missing, rate: rate(received, last - start) })
    }
}

/// A handshake by hand: the reader has to cost as little as possible.
async fn open_socket(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await?;
    let hello = format!(
        "GET /ws HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {TOKEN}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(hello.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("the server upgrades")?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("no upgrade: {}", String::from_utf8_lossy(&head));
    }
    Ok(stream)
}

/// Counts text frames until there are enough, or none of all sockets has got one for a while.
async fn count_frames(mut stream: TcpStream, enough: u64, total: Arc<AtomicU64>) -> Result<u64> {
    let mut buffer = vec![0; 256 * 1024];
    let (mut filled, mut frames) = (0, 0);
    while frames < enough {
        let before = total.load(Ordering::Relaxed);
        let read = match tokio::time::timeout(SILENCE, stream.read(&mut buffer[filled..])).await {
            Ok(read) => read?,
            Err(_) if total.load(Ordering::Relaxed) != before => continue,
            Err(_) => 0,
        };
        if read == 0 {
            break;
        }
        filled += read;
        let (count, used) = whole_frames(&buffer[..filled]);
        frames += count;
        total.fetch_add(count, Ordering::Relaxed);
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
    Ok(frames)
}

/// Text frames at the start of the bytes, and how many bytes whole frames take. A server's frames have no mask.
fn whole_frames(bytes: &[u8]) -> (u64, usize) {
    let (mut count, mut at) = (0, 0);
    while let [first, second, rest @ ..] = &bytes[at..] {
        let (header, length) = match (second & 0x7f, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (126 | 127, _) => break,
            (length, _) => (2, usize::from(length)),
        };
        if bytes.len() - at < header + length {
            break;
        }
        count += u64::from(first & 0x0f == 1);
        at += header + length;
    }
    (count, at)
}
