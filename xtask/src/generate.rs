//! Generated files: the TypeScript types of the dashboard, the description of the API and the tables of
//! `docs/PRIVACY.md`, all from the crate that defines the wire.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::privacy;
use crate::shell::root;

/// A file and how its text is made.
type Generated = (&'static str, fn() -> String);

const FILES: [Generated; 2] = [
    ("client/src/protocol/generated.ts", vibetea_protocol::typescript::declarations),
    ("server/assets/openapi.json", vibetea_protocol::openapi::document),
];

/// Writes the generated files.
pub(crate) fn write() -> Result<()> {
    for (file, text) in FILES {
        save(&root().join(file), &text())?;
    }
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

/// Half of it is written by hand.
pub(crate) fn privacy_page() -> PathBuf {
    root().join("docs/PRIVACY.md")
}

#[cfg(test)]
mod tests {
    use crate::shell::root;

    #[test]
    fn the_generated_files_are_fresh() {
        for (file, text) in super::FILES {
            let kept = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            assert!(kept == text(), "{file} is stale; run `cargo xtask gen`");
        }
    }
}
