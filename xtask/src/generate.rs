//! The TypeScript types of the dashboard, from the crate that defines the wire.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::shell::root;

/// Writes the generated file.
pub(crate) fn write() -> Result<()> {
    let path = path();
    let folder = path.parent().context("the generated file has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    std::fs::write(&path, vibetea_protocol::typescript::declarations())
        .with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("xtask: wrote {}", path.display());
    Ok(())
}

fn path() -> PathBuf {
    root().join("client/src/protocol/generated.ts")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_types_are_fresh() {
        let kept = std::fs::read_to_string(super::path()).unwrap_or_default();
        assert!(
            kept == vibetea_protocol::typescript::declarations(),
            "client/src/protocol/generated.ts is stale; run `cargo xtask gen`"
        );
    }
}
