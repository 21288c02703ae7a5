//! One variable at a time: its text, its default, and what to say when it is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;
use vibetea_protocol::SourceId;

use super::Lookup;
use crate::pipeline::{History, InvalidHistory};
use crate::privacy::{InvalidProjectNames, ProjectNames};

/// One or more variables are wrong or missing; nothing was started.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

/// The process environment, for [`super::Config::from_lookup`].
pub fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Reads variables and collects what is wrong with them. An empty value counts as not set.
pub(super) struct Variables<'a> {
    lookup: Lookup<'a>,
    problems: Vec<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_error(self) -> ConfigError {
        ConfigError { problems: self.problems }
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn refuse(&mut self, name: &str, value: &str, allowed: &str) {
        self.problems.push(format!("{name} is {}: {allowed}", shown(value)));
    }

    /// Adds "is not set" unless the variable is there and something was said about it already.
    pub(super) fn require(&mut self, name: &str, allowed: &str) {
        if self.get(name).is_none() {
            self.problems.push(format!("{name} is not set: {allowed} is required"));
        }
    }

    pub(super) fn number(&mut self, name: &str, min: u64, max: u64, default: u64) -> u64 {
        let Some(value) = self.get(name) else { return default };
        match value.trim().parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.refuse(name, &value, &format!("a whole number from {min} to {max} is allowed"));
                default
            }
        }
    }

    /// An http or https URL to which a path can be added.
    pub(super) fn base_url(&mut self, name: &str) -> Option<Url> {
        let value = self.get(name)?;
        let url = match Url::parse(value.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
            _ => {
                self.refuse(name, &value, "an http or https URL such as http://127.0.0.1:8080 is allowed");
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            // not shown: it holds a password
            self.problems.push(format!(
                "{name} holds a user name or a password: a URL without them is allowed, requests are signed"
            ));
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.refuse(name, &value, "a URL without '?' and '#' is allowed");
            return None;
        }
        Some(url)
    }

    pub(super) fn history(&mut self, name: &str) -> History {
        let Some(value) = self.get(name) else { return History::All };
        value.trim().parse().unwrap_or_else(|error: InvalidHistory| {
            self.refuse(name, &value, &error.to_string());
            History::All
        })
    }

    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.get(name).as_deref().map(str::trim) {
            None => default,
            Some("on") => true,
            Some("off") => false,
            Some(value) => {
                self.refuse(name, value, "'on' or 'off' is allowed");
                default
            }
        }
    }

    pub(super) fn project_names(&mut self, name: &str) -> ProjectNames {
        let Some(value) = self.get(name) else { return ProjectNames::default() };
        value.trim().parse().unwrap_or_else(|error: InvalidProjectNames| {
            self.refuse(name, &value, &error.to_string());
            ProjectNames::Off
        })
    }

    pub(super) fn home(&self) -> Option<String> {
        self.get("HOME")
    }

    /// A list as it was written, once every part of it could be an extension.
    pub(super) fn extensions(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        if value.split(',').map(str::trim).all(|part| part.len() <= 16 && part.chars().all(plain)) {
            return Some(value);
        }
        self.refuse(name, &value, "extensions with commas between them, such as 'rs,ts,md', are allowed");
        None
    }

    pub(super) fn source(&mut self) -> Option<SourceId> {
        let name = "VIBETEA_SOURCE_ID";
        let allowed = "1 to 128 characters without control characters are allowed";
        if let Some(value) = self.get(name) {
            // a header would lose blanks at its ends, and the signature names none
            return value.trim().parse().map_err(|_| self.refuse(name, &value, allowed)).ok();
        }
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        host.parse()
            .map_err(|_| {
                let text = shown(&host);
                self.problems.push(format!("{name} is not set and the host name is {text}: {allowed}"));
            })
            .ok()
    }

    pub(super) fn key_dir(&mut self) -> Option<PathBuf> {
        self.dir("VIBETEA_KEY_PATH", None, ".vibetea")
    }

    pub(super) fn claude_dir(&mut self) -> Option<PathBuf> {
        let default = self.get("CLAUDE_CONFIG_DIR").map(|dir| self.expanded(&dir));
        self.dir("VIBETEA_CLAUDE_DIR", default, ".claude")
    }

    pub(super) fn state_dir(&mut self) -> Option<PathBuf> {
        // the XDG rule: a relative path is to be ignored
        let xdg = self.get("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        self.dir("VIBETEA_STATE_DIR", xdg.map(|dir| dir.join("vibetea")), ".local/state/vibetea")
    }

    fn dir(&mut self, name: &str, default: Option<PathBuf>, under_home: &str) -> Option<PathBuf> {
        if let Some(value) = self.get(name) {
            if value.contains('\0') {
                self.refuse(name, &value, "a path without NUL characters is allowed");
                return None;
            }
            return Some(self.expanded(&value));
        }
        let dir = default.or_else(|| Some(Path::new(&self.get("HOME")?).join(under_home)));
        if dir.is_none() {
            self.problems.push(format!("{name} is not set and HOME neither: a folder is required"));
        }
        dir
    }

    /// Files of variables, unlike shells, leave a leading `~/` as it is.
    fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.get("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => PathBuf::from(path),
        }
    }
}

/// A value as it may be shown: quoted, control characters escaped, not endless.
fn shown(value: &str) -> String {
    let cut: String = value.chars().take(100).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}
