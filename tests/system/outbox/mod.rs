//! The outbox at its limits: full, on a full disk, and on one that fails.

mod cap;
#[cfg(target_os = "linux")]
mod disk;
