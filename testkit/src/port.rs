//! Ports that stay free.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port on which nobody listens. It lies below the ports that the system hands out to connections, so that a
/// server can be killed and started again on it without finding it taken by its own client.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if reserve(port) && TcpListener::bind(loopback(port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {COUNT} is free");
}

/// Whether no other test has the port, whose server may be down for the moment. It is this process's until its end.
#[cfg(target_os = "linux")]
fn reserve(port: u16) -> bool {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::sync::Mutex;

    static RESERVED: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let name =
        SocketAddr::from_abstract_name(format!("vibetea-test-port-{port}")).expect("the name is short");
    let Ok(reserved) = UnixListener::bind_addr(&name) else { return false };
    RESERVED.lock().expect("nobody panics with it").push(reserved);
    true
}

#[cfg(not(target_os = "linux"))]
fn reserve(_port: u16) -> bool {
    true
}

/// The loopback address with this port.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice() {
        let ports: std::collections::BTreeSet<u16> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 200);
        // as another process would see it, whose numbers begin elsewhere
        #[cfg(target_os = "linux")]
        assert!(ports.iter().all(|port| !reserve(*port)));
    }
}
