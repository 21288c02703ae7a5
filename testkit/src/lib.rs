//! What the tests of several crates share: a `PostgreSQL` of their own that may be killed, a network in front of it
//! that may be broken, a disk that loses its power, and certificates.

pub mod certificates;
pub mod cluster;
pub mod database;
pub mod disk;
pub mod lack;
pub mod port;
pub mod proxy;
pub mod shell;

pub use certificates::Authority;
pub use cluster::Cluster;
pub use database::Database;
pub use disk::Disk;
pub use proxy::{Fault, Proxy};
pub use shell::Shell;
