//! Generated files: the TypeScript types of the dashboard, the description of the API and the tables of
//! `docs/PRIVACY.md`, all from the crate that defines the wire; and the migrations of the hosted deployment.

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
    for (file, text) in hosted_migrations()? {
        save(&file, &text)?;
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

/// The server's migrations under the names that the hosted platform's tool wants: a time before the name, in which the
/// migration's number takes the place of minutes and seconds.
fn hosted_migrations() -> Result<Vec<(PathBuf, String)>> {
    let folder = root().join("migrations/postgres");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut migrations = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().context("a migration has a name")?.to_string_lossy();
        let copy = root().join("compat/supabase/migrations").join(format!("2026112900{name}"));
        migrations.push((copy, std::fs::read_to_string(&path)?));
    }
    Ok(migrations)
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

    #[test]
    fn the_hosted_migrations_are_fresh() {
        for (file, text) in super::hosted_migrations().unwrap() {
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(kept == text, "{} is stale; run `cargo xtask gen`", file.display());
        }
    }
}
