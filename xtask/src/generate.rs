//! Generated files: the TypeScript types of the dashboard and the description of the API, both from the crate that
//! defines the wire.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

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
        let path = path(file);
        let folder = path.parent().context("the generated file has no folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        std::fs::write(&path, text()).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("xtask: wrote {}", path.display());
    }
    Ok(())
}

fn path(file: &str) -> PathBuf {
    root().join(file)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_files_are_fresh() {
        for (file, text) in super::FILES {
            let kept = std::fs::read_to_string(super::path(file)).unwrap_or_default();
            assert!(kept == text(), "{file} is stale; run `cargo xtask gen`");
        }
    }
}
