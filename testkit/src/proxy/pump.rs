//! Bytes from one side to the other, as far as the network lets them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::messages::Messages;
use super::{Connection, Fault, Network, forge};

/// Until one side closes or the network cuts.
pub(super) async fn both_ways(
    client: TcpStream,
    server: TcpStream,
    network: &Network,
    connection: &Connection,
) {
    for side in [&client, &server] {
        let _ = side.set_nodelay(true);
        // an end here is a reset there, as of a cable that was pulled
        let _ = side.set_zero_linger();
    }
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let is_marked = AtomicBool::new(false);
    let pump = || Pump { network, fault: network.fault.subscribe(), connection, is_marked: &is_marked };
    let (sending, receiving) = (pump(), pump());
    tokio::select! {
        () = sending.send(client_reads, server_writes) => {}
        () = receiving.receive(server_reads, client_writes) => {}
    }
}

struct Pump<'a> {
    network: &'a Network,
    fault: watch::Receiver<Fault>,
    connection: &'a Connection,
    /// A statement was passed on whose answer is to be cut.
    is_marked: &'a AtomicBool,
}

impl Pump<'_> {
    /// To the database.
    async fn send(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (mut buffer, mut passed) = (vec![0; 64 * 1024], 0);
        let mut messages = Messages::default();
        while let Some(read) = self.read(&mut from, &mut buffer, &mut passed).await {
            let mut piece = &buffer[..read];
            let fault = *self.fault.borrow();
            if let Fault::CutAfterSending(most) = fault {
                piece = &piece[..read.min(most - passed)];
            }
            for statement in messages.take(piece) {
                if statement.starts_with("LISTEN") {
                    self.connection.listens.store(true, Ordering::Relaxed);
                }
                if matches!(fault, Fault::CutAnswerTo(text) if statement.contains(text)) {
                    self.is_marked.store(true, Ordering::Relaxed);
                }
            }
            passed += piece.len();
            let piece = self.passed_on(piece, forge::to_the_database);
            if to.write_all(&piece).await.is_err() || fault == Fault::CutAfterSending(passed) {
                return;
            }
        }
    }

    /// From the database.
    async fn receive(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (mut buffer, mut passed) = (vec![0; 64 * 1024], 0);
        while let Some(read) = self.read(&mut from, &mut buffer, &mut passed).await {
            let fault = *self.fault.borrow();
            if let Fault::SaysVersion(version) = fault {
                say_version(&mut buffer[..read], version);
            }
            let mut piece = &buffer[..read];
            if let Fault::CutAfterReceiving(most) = fault {
                piece = &piece[..read.min(most - passed)];
            }
            passed += piece.len();
            let piece = self.passed_on(piece, forge::to_the_client);
            if self.is_marked.load(Ordering::Relaxed)
                || to.write_all(&piece).await.is_err()
                || fault == Fault::CutAfterReceiving(passed)
            {
                return;
            }
        }
    }

    /// A piece as it arrives.
    fn passed_on<'p>(&self, piece: &'p [u8], forge: impl Fn(&'p [u8]) -> Cow<'p, [u8]>) -> Cow<'p, [u8]> {
        let forges = self.network.forges_commits.load(Ordering::Relaxed);
        if forges { forge(piece) } else { Cow::Borrowed(piece) }
    }

    /// The next piece that may pass; `None` at the end. `passed` begins anew with each fault.
    async fn read(
        &mut self,
        from: &mut OwnedReadHalf,
        buffer: &mut [u8],
        passed: &mut usize,
    ) -> Option<usize> {
        loop {
            let fault = *self.fault.borrow_and_update();
            if fault == Fault::Blackhole {
                self.fault.changed().await.ok()?;
                *passed = 0;
                continue;
            }
            let read = tokio::select! {
                changed = self.fault.changed() => {
                    changed.ok()?;
                    *passed = 0;
                    continue;
                }
                read = from.read(buffer) => read.ok()?,
            };
            if read > 0 && self.connection.is_silent.load(Ordering::Relaxed) {
                continue;
            }
            if let Fault::Delay(time) = fault {
                tokio::time::sleep(time).await;
            }
            return (read > 0).then_some(read);
        }
    }
}

/// What a database says of itself when a session begins comes in one piece.
fn say_version(piece: &mut [u8], version: [u8; 2]) {
    const NAME: &[u8] = b"server_version\0";
    let found = piece.windows(NAME.len()).position(|window| window == NAME);
    let digits = found.and_then(|at| piece.get_mut(at + NAME.len()..)?.get_mut(..2));
    if let Some(digits) = digits {
        digits.copy_from_slice(&version);
    }
}
