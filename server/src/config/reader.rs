//! Where a setting's value comes from: flag over environment over file, and a list of all that is wrong.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use super::args::Args;
use super::{ALL, ConfigError, Lookup, Wrong, default_file};

/// One setting and the names it goes by.
pub(super) struct Setting {
    /// The environment variable.
    pub(super) name: &'static str,
    /// The key in the configuration file.
    pub(super) key: &'static str,
    /// Other variables that are as good.
    pub(super) aliases: &'static [&'static str],
    /// Names of older documents: read, with a warning.
    pub(super) legacy: &'static [&'static str],
    /// Never shown; may also be read from the file that `NAME_FILE` names.
    pub(super) secret: bool,
}

impl Setting {
    pub(super) const fn new(name: &'static str, key: &'static str) -> Self {
        Self { name, key, aliases: &[], legacy: &[], secret: false }
    }

    pub(super) const fn secret(name: &'static str, key: &'static str) -> Self {
        Self { name, key, aliases: &[], legacy: &[], secret: true }
    }
}

/// A value and where it stood.
pub(super) struct Found {
    pub(super) value: String,
    pub(super) origin: String,
}

/// Something was wrong and was told.
pub(super) struct Told;

/// Reads settings and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    args: &'a Args,
    lookup: Lookup<'a>,
    file: Option<(String, toml::Table)>,
    pub(super) wrong: Vec<Wrong>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// With the configuration file, if there is one.
    pub(super) fn open(args: &'a Args, lookup: Lookup<'a>) -> Self {
        let mut reader = Self { args, lookup, file: None, wrong: Vec::new(), warnings: Vec::new() };
        if let Some(path) = args.config.clone().or_else(|| default_file(lookup)) {
            reader.use_file(&path);
        }
        reader
    }

    /// A key that stands for no setting is wrong.
    fn use_file(&mut self, path: &Path) {
        let shown = path.display().to_string();
        let table = std::fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse::<toml::Table>().map_err(|error| error.message().to_owned()));
        match table {
            Ok(table) => {
                for key in table.keys().filter(|key| !ALL.iter().any(|setting| setting.key == *key)) {
                    let allowed = ALL.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
                    self.wrong.push(Wrong::new(
                        &shown,
                        format!("holds the unknown key '{key}'"),
                        format!("one of {allowed}"),
                    ));
                }
                self.file = Some((shown, table));
            }
            Err(error) => self.wrong.push(Wrong::new(
                &shown,
                format!("cannot be read: {error}"),
                "a TOML file with settings",
            )),
        }
    }

    /// The value of the strongest place that has one; an empty variable counts as not set.
    pub(super) fn find(&mut self, setting: &Setting) -> Option<Found> {
        self.flag(setting).or_else(|| self.variable(setting)).or_else(|| self.in_file(setting))
    }

    fn flag(&mut self, setting: &Setting) -> Option<Found> {
        if let Some((flag, value)) = self.args.flag(setting.name) {
            return Some(Found { value, origin: flag.to_owned() });
        }
        let (flag, path) = self.args.flag(&format!("{}_FILE", setting.name))?;
        self.secret_file(flag, &path)
    }

    fn variable(&mut self, setting: &Setting) -> Option<Found> {
        let names = std::iter::once(&setting.name).chain(setting.aliases).chain(setting.legacy);
        let mut found: Option<Found> = None;
        for name in names {
            let Some(next) = self.one_variable(name, setting.secret) else { continue };
            if setting.legacy.contains(name) {
                self.warnings.push(match &found {
                    Some(first) => {
                        format!("{name} is an old name and is ignored, as {} is set", first.origin)
                    }
                    None => format!("{name} is an old name: please set {} instead", setting.name),
                });
            }
            found = found.or(Some(next));
        }
        found
    }

    fn one_variable(&mut self, name: &str, secret: bool) -> Option<Found> {
        let plain = (self.lookup)(name).filter(|value| !value.trim().is_empty());
        let file_name = format!("{name}_FILE");
        let path = (self.lookup)(&file_name).filter(|path| secret && !path.is_empty());
        match (plain, path) {
            (Some(_), Some(_)) => {
                self.wrong.push(Wrong::new(
                    name,
                    format!("is set and {file_name} as well"),
                    "one of the two",
                ));
                None
            }
            (Some(value), None) => Some(Found { value, origin: name.to_owned() }),
            (None, Some(path)) => self.secret_file(&file_name, &path),
            (None, None) => None,
        }
    }

    fn secret_file(&mut self, origin: &str, path: &str) -> Option<Found> {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => {
                Some(Found { value: text.trim().to_owned(), origin: origin.to_owned() })
            }
            Ok(_) => {
                self.wrong.push(Wrong::new(
                    origin,
                    format!("names the empty file {path:?}"),
                    "a file with the value",
                ));
                None
            }
            Err(error) => {
                self.wrong.push(Wrong::new(
                    origin,
                    format!("names {path:?}, which cannot be read: {error}"),
                    "a readable file with the value",
                ));
                None
            }
        }
    }

    fn in_file(&mut self, setting: &Setting) -> Option<Found> {
        let (path, table) = self.file.as_ref()?;
        let origin = format!("'{}' in {path}", setting.key);
        let Some(value) = as_text(table.get(setting.key)?) else {
            self.wrong.push(Wrong::new(
                &origin,
                "holds a kind of value that says nothing here",
                "text, a number, true, false or a list of texts",
            ));
            return None;
        };
        Some(Found { value, origin })
    }

    /// The value as `read` understands it; `default` where it is not set or not understood.
    pub(super) fn parse<T>(
        &mut self,
        setting: &Setting,
        default: T,
        allowed: impl fmt::Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(found) = self.find(setting) else { return default };
        read(found.value.trim()).unwrap_or_else(|| {
            self.reject(setting, &found, allowed);
            default
        })
    }

    /// A whole number within these bounds.
    pub(super) fn number<T: FromStr + PartialOrd + fmt::Display>(
        &mut self,
        setting: &Setting,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        let allowed = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.parse(setting, default, allowed, |text| {
            text.parse().ok().filter(|number| bounds.contains(number))
        })
    }

    /// Notes that a value is none that is allowed.
    pub(super) fn reject(&mut self, setting: &Setting, found: &Found, allowed: impl fmt::Display) {
        let held = if setting.secret {
            format!("holds a secret of {} characters", found.value.chars().count())
        } else {
            let short: String = found.value.chars().take(200).collect();
            format!("holds {short:?}")
        };
        self.wrong.push(Wrong::new(&found.origin, held, allowed.to_string()));
    }

    /// The warnings, or everything that is wrong.
    pub(super) fn finish(self) -> Result<Vec<String>, ConfigError> {
        if self.wrong.is_empty() { Ok(self.warnings) } else { Err(ConfigError { wrong: self.wrong }) }
    }
}

/// Lists are joined by commas; a table joins its keys with their values, as `public_keys` needs it.
fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let texts = items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>()?;
            Some(texts.join(","))
        }
        toml::Value::Table(table) => {
            let mut pairs = Vec::new();
            for (key, value) in table {
                pairs.extend(as_text(value)?.split(',').map(|value| format!("{key}:{value}")));
            }
            Some(pairs.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => None,
    }
}
