//! The parsers of outside bytes under a fuzzer that looks at coverage, where there is one.

use anyhow::Result;

use crate::shell::{cargo_command, root};

const TARGETS: [&str; 4] = ["ingest_body", "signature_header", "socket_hello", "transcript_line"];
/// For each target.
const SECONDS: u32 = 120;

/// Runs every target for a while.
pub(crate) fn run() -> Result<()> {
    if !cargo_command(["+nightly", "fuzz", "--version"]).succeeds() {
        eprintln!(
            "xtask: cargo-fuzz or a nightly toolchain is missing, so no fuzzer looked at coverage; install them with \
             `cargo install cargo-fuzz --locked` and `rustup toolchain install nightly`"
        );
        return Ok(());
    }
    // the same versions as in the programs
    std::fs::copy(root().join("Cargo.lock"), root().join("fuzz/Cargo.lock"))?;
    for target in TARGETS {
        let time = format!("-max_total_time={SECONDS}");
        cargo_command(["+nightly", "fuzz", "run", target, "--", time.as_str()]).run()?;
    }
    Ok(())
}
