//! `config show`: every value with where it stands, also when some are wrong.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::output::{print, print_json};
use crate::cli::JsonArgs;
use crate::config::{ConfigError, Lookup, Origin, Settings, Shown};

pub(super) fn show(args: &JsonArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let settings = Settings::read(lookup);
    let checked = settings.check();
    if args.json {
        print_json(&as_json(&settings, checked.as_ref().err()))?;
    } else {
        print(&as_text(&settings))?;
    }
    Ok(checked?)
}

fn as_json(settings: &Settings, error: Option<&ConfigError>) -> Value {
    let values: Map<String, Value> = settings
        .shown()
        .iter()
        .map(|Shown { setting, value, origin }| {
            let (kind, name) = match origin {
                Origin::Flag(name) => ("flag", Some((*name).to_owned())),
                Origin::Environment(name) => ("environment", Some((*name).to_owned())),
                Origin::File { path, .. } => ("file", Some(path.display().to_string())),
                Origin::Default => ("default", None),
            };
            let text = json!({"value": value, "origin": kind, "from": name, "variable": setting.name});
            (setting.key.to_owned(), text)
        })
        .collect();
    json!({
        "file": settings.file().filter(|path| path.is_file()),
        "settings": values,
        "problems": error.map_or(&[][..], ConfigError::problems),
    })
}

fn as_text(settings: &Settings) -> String {
    let mut text = String::new();
    if let Some(file) = settings.file() {
        let there = if file.is_file() { "" } else { " (not there)" };
        // writing to a String cannot fail
        let _ = writeln!(text, "# {}{there}", file.display());
    }
    let rows: Vec<(&str, &str, String)> = settings
        .shown()
        .iter()
        .map(|Shown { setting, value, origin }| {
            let origin = match origin {
                Origin::File { .. } => "file".to_owned(),
                Origin::Default | Origin::Flag(_) | Origin::Environment(_) => origin.to_string(),
            };
            (setting.key, value.as_deref().unwrap_or("(not set)"), origin)
        })
        .collect();
    let keys = rows.iter().map(|row| row.0.len()).max().unwrap_or_default();
    let values = rows.iter().map(|row| row.1.chars().count()).max().unwrap_or_default().min(60);
    for (key, value, origin) in rows {
        let value: String = value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let _ = writeln!(text, "{key:<keys$}  {value:<values$}  {origin}");
    }
    text
}
