//! What is generated from the crate that defines the wire: the dashboard's TypeScript types, the tables of
//! `docs/PRIVACY.md`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::privacy;
use crate::shell::root;

/// Writes the generated files.
pub(crate) fn write() -> Result<()> {
    save(&typescript(), &vibetea_protocol::typescript::declarations())?;
    let page = privacy_page();
    let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    save(&page, &privacy::refreshed(&text)?)
}

fn save(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("the generated file has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("xtask: wrote {}", path.display());
    Ok(())
}

fn typescript() -> PathBuf {
    root().join("client/src/protocol/generated.ts")
}

/// Half of it is written by hand.
pub(crate) fn privacy_page() -> PathBuf {
    root().join("docs/PRIVACY.md")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_types_are_fresh() {
        let kept = std::fs::read_to_string(super::typescript()).unwrap_or_default();
        assert!(
            kept == vibetea_protocol::typescript::declarations(),
            "client/src/protocol/generated.ts is stale; run `cargo xtask gen`"
        );
    }
}
