//! Ports that stay free.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port on which nobody listens. It lies below the ports that the system hands out to connections, so that a
/// server can be killed and started again on it without finding it taken by its own client.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    /// Ports of a process before it meets those of the next, which is likely to run beside it.
    const APART: u32 = 61;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = u32::from(COUNT);
    let start = u16::try_from(std::process::id() % count * APART % count).unwrap_or(0);
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind(loopback(port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {COUNT} is free");
}

/// The loopback address with this port.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
