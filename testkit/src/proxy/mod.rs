//! A network between a server and its `PostgreSQL` that fails on demand.

mod forge;
mod messages;
mod pump;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::port::{free_port, loopback};

/// What the network does to every connection, old and new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes pass.
    None,
    /// New connections are refused.
    Refuse,
    /// New connections are taken and no byte passes on any; what is on its way arrives once this is over.
    Blackhole,
    /// Every piece comes so much later.
    Delay(Duration),
    /// A connection is cut once so many more bytes have passed to the database.
    CutAfterSending(usize),
    /// A connection is cut once so many more bytes have passed from the database.
    CutAfterReceiving(usize),
    /// A statement with this text, in capitals, is passed on; as soon as its answer comes, the connection is cut
    /// instead of answered.
    CutAnswerTo(&'static str),
    /// The database says that its major version, of two digits, is this one.
    SaysVersion([u8; 2]),
}

/// See the module. Lives on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Network {
    upstream: SocketAddr,
    fault: watch::Sender<Fault>,
    connections: Mutex<Vec<Arc<Connection>>>,
    forges_commits: AtomicBool,
}

/// One connection through the proxy.
#[derive(Debug, Default)]
struct Connection {
    cut: CancellationToken,
    /// It has said LISTEN.
    listens: AtomicBool,
    /// No byte arrives any more, and nobody is told.
    is_silent: AtomicBool,
}

impl Connection {
    /// Notifications come through it.
    fn is_heard(&self) -> bool {
        self.listens.load(Ordering::Relaxed) && !self.is_silent.load(Ordering::Relaxed)
    }
}

impl Proxy {
    /// Stands in front of this address.
    pub fn start(upstream: SocketAddr) -> Self {
        let address = loopback(free_port());
        let fault = watch::Sender::new(Fault::None);
        let network = Network {
            upstream,
            fault,
            connections: Mutex::default(),
            forges_commits: AtomicBool::new(false),
        };
        let network = Arc::new(network);
        let stop = CancellationToken::new();
        let bound = bind(address).expect("the port is free");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let (accepting, ending) = (Arc::clone(&network), stop.clone());
        std::thread::spawn(move || {
            runtime.block_on(ending.run_until_cancelled(accepting.accept(address, bound)));
        });
        Self { address, network, stop }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the network does; a refusal is so when this returns.
    pub fn set(&self, fault: Fault) {
        self.network.fault.send_replace(fault);
        let start = Instant::now();
        let refuses = || std::net::TcpStream::connect(self.address).is_err();
        while refuses() != (fault == Fault::Refuse) {
            assert!(start.elapsed() < Duration::from_secs(10), "the proxy does not follow");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Cuts every connection now, and answers how many.
    pub fn cut(&self) -> usize {
        self.cut_where(|_| true)
    }

    /// Cuts the connections that have said LISTEN, and answers how many.
    pub fn cut_listeners(&self) -> usize {
        self.cut_where(Connection::is_heard)
    }

    /// Swallows from now on every byte of the connections that have said LISTEN, as a firewall does that has forgotten
    /// them, and answers how many. They stay open, and what is swallowed never arrives.
    pub fn silence_listeners(&self) -> usize {
        let connections = self.network.connections();
        let silenced = connections.iter().filter(|connection| connection.is_heard());
        silenced.inspect(|connection| connection.is_silent.store(true, Ordering::Relaxed)).count()
    }

    /// From now on, whatever else the network does, every transaction that a client ends by a plain `COMMIT` is rolled
    /// back, and the client is told that it was committed.
    pub fn forge_commits(&self) {
        self.network.forges_commits.store(true, Ordering::Relaxed);
    }

    fn cut_where(&self, wanted: impl Fn(&Connection) -> bool) -> usize {
        let connections = self.network.connections();
        let cut = connections.iter().filter(|connection| wanted(connection));
        cut.inspect(|connection| connection.cut.cancel()).count()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.network.connections().len()
    }

    /// How many of them have said LISTEN and are not silenced.
    pub fn listeners(&self) -> usize {
        self.network.connections().iter().filter(|connection| connection.is_heard()).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Network {
    /// The connections that are open.
    fn connections(&self) -> Vec<Arc<Connection>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| !connection.cut.is_cancelled());
        connections.clone()
    }

    async fn accept(self: Arc<Self>, address: SocketAddr, mut bound: std::net::TcpListener) {
        let mut fault = self.fault.subscribe();
        loop {
            let listener = TcpListener::from_std(bound).expect("within a runtime");
            while *fault.borrow_and_update() != Fault::Refuse {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = fault.changed() => continue,
                };
                if let Ok((client, _)) = accepted {
                    tokio::spawn(Arc::clone(&self).serve(client));
                }
            }
            drop(listener);
            if fault.wait_for(|fault| *fault != Fault::Refuse).await.is_err() {
                return;
            }
            bound = bind(address).expect("the port is still ours");
        }
    }

    async fn serve(self: Arc<Self>, client: TcpStream) {
        let connection = Arc::new(Connection::default());
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&connection));
        let cut = connection.cut.clone();
        cut.run_until_cancelled(async {
            // a database that is away is a connection that ends
            if let Ok(server) = TcpStream::connect(self.upstream).await {
                pump::both_ways(client, server, &self, &connection).await;
            }
        })
        .await;
        cut.cancel();
    }
}
