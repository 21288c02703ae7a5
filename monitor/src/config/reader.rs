//! Where a setting's value comes from: flag over environment over file, and a list of all that is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Lookup;

/// One setting and the names it goes by.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The key in the configuration file.
    pub key: &'static str,
    /// The flag of the command line.
    pub flag: &'static str,
}

/// Where a value stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the command line, behind this flag.
    Flag(&'static str),
    /// In the environment, in this variable.
    Environment(&'static str),
    /// In the configuration file, under this key.
    File {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Nowhere: it is what is taken without any of them.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File { key, path } => write!(f, "'{key}' in {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as it was written and where.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// A setting as it may be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which one.
    pub setting: &'static Setting,
    /// Its value, secrets masked; `None` where it is not set and has no default.
    pub value: Option<String>,
    /// Where the value stood.
    pub origin: Origin,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    /// The setting; `None` for the file as a whole.
    pub(super) about: Option<&'static Setting>,
    pub(super) text: String,
}

/// Flag and variable that name the file. A problem about it is that there is no such file.
pub(super) const CONFIG: Setting = Setting { name: "VIBETEA_CONFIG", key: "", flag: "--config" };

/// Reads settings and gathers what is wrong with them. An empty value counts as not set.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    /// The file with what it holds, as far as it could be read.
    file: Option<(PathBuf, toml::Table)>,
    pub(super) shown: Vec<Shown>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Takes the configuration file, if there is one; a key that stands for none of `known` is wrong.
    pub(super) fn open(lookup: Lookup<'a>, known: &[&'static Setting]) -> Self {
        let mut reader = Self { lookup, file: None, shown: Vec::new(), problems: Vec::new() };
        if let Some(named) = reader.given(&CONFIG) {
            let path = reader.expanded(&named.value);
            reader.use_file(path, Some(&named.origin), known);
        } else if let Some(path) = reader.default_file().filter(|path| path.is_file()) {
            reader.use_file(path, None, known);
        }
        reader
    }

    /// The file that is read, or would be if it were there.
    pub(super) fn file_path(&self) -> Option<PathBuf> {
        match self.given(&CONFIG) {
            Some(named) => Some(self.expanded(&named.value)),
            None => self.default_file(),
        }
    }

    fn default_file(&self) -> Option<PathBuf> {
        Some(self.base_directory("XDG_CONFIG_HOME", ".config")?.join("vibetea").join("monitor.toml"))
    }

    /// An XDG base folder; a relative one counts as not set, as the XDG rules have it.
    pub(super) fn base_directory(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        let named = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(Path::new(&self.get("HOME")?).join(in_home)))
    }

    fn use_file(&mut self, path: PathBuf, named_by: Option<&Origin>, known: &[&Setting]) {
        let shown = path.display();
        let read = std::fs::read_to_string(&path);
        let is_missing = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        let table = read
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse::<toml::Table>().map_err(|error| explained(&text, &error)));
        match table {
            Ok(table) => {
                for key in table.keys().filter(|key| !known.iter().any(|setting| setting.key == *key)) {
                    let allowed = known.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
                    let key = quoted(key);
                    let text = format!("{shown} holds the unknown key {key}: one of {allowed} is allowed");
                    self.problems.push(Problem { about: None, text });
                }
                self.file = Some((path, table));
            }
            Err(error) => {
                let named = named_by.map_or_else(String::new, |origin| format!("{origin} names "));
                let text = format!(
                    "{named}{shown}, which cannot be read: {error}; a TOML file with settings is allowed"
                );
                self.problems.push(Problem { about: is_missing.then_some(&CONFIG), text });
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// By flag or variable.
    fn given(&self, setting: &Setting) -> Option<Found> {
        if let Some(value) = self.get(setting.flag) {
            return Some(Found { value, origin: Origin::Flag(setting.flag) });
        }
        self.get(setting.name).map(|value| Found { value, origin: Origin::Environment(setting.name) })
    }

    /// The value of the strongest place that has one.
    pub(super) fn find(&mut self, setting: &'static Setting) -> Option<Found> {
        self.given(setting).or_else(|| self.in_file(setting))
    }

    fn in_file(&mut self, setting: &'static Setting) -> Option<Found> {
        let (path, table) = self.file.as_ref()?;
        let origin = Origin::File { key: setting.key, path: path.clone() };
        let Some(value) = as_text(table.get(setting.key)?) else {
            let text = format!(
                "{origin} is of a kind that says nothing here: a text, a number or a list of texts is allowed"
            );
            self.problems.push(Problem { about: Some(setting), text });
            return None;
        };
        (!value.trim().is_empty()).then_some(Found { value, origin })
    }

    /// Notes a value for those who want to see it.
    pub(super) fn show(&mut self, setting: &'static Setting, value: Option<String>, origin: Origin) {
        self.shown.push(Shown { setting, value, origin });
    }

    /// Notes that a value is none that is allowed.
    pub(super) fn refuse(&mut self, setting: &'static Setting, found: &Found, allowed: &str) {
        let text = format!("{} is {}: {allowed}", found.origin, quoted(&found.value));
        self.problems.push(Problem { about: Some(setting), text });
    }

    /// Notes anything else that is wrong with a setting.
    pub(super) fn complain(&mut self, setting: &'static Setting, text: String) {
        self.problems.push(Problem { about: Some(setting), text });
    }

    /// Files of settings and of variables, unlike shells, leave a leading `~/` as it is.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.get("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => PathBuf::from(path),
        }
    }
}

/// A value as it may be shown: quoted, control characters escaped, not endless.
pub(super) fn quoted(value: &str) -> String {
    let cut: String = value.chars().take(100).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}

/// What is wrong and in which line; the line itself is not shown.
fn explained(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// Lists are joined by commas.
fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts = items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>()?;
            Some(texts.join(","))
        }
        toml::Value::Boolean(_)
        | toml::Value::Table(_)
        | toml::Value::Float(_)
        | toml::Value::Datetime(_) => None,
    }
}
