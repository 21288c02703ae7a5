//! The service managers: where their files belong and which commands they are told by.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::launchd::LABEL;
use crate::config::Lookup;

const UNIT: &str = "vibetea-monitor.service";

/// Who starts the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Systemd,
    Launchd,
}

/// One command for the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    words: Vec<String>,
    /// Whether it may fail because there is nothing to do.
    may_fail: bool,
}

impl Step {
    fn new(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), may_fail: false }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

/// What became of the commands.
#[derive(Debug)]
pub(super) enum Carried {
    Out,
    /// There is no manager to talk to; these are left to the person.
    Unavailable(Vec<Step>),
}

/// Carries the commands out. The first one only asks whether the manager is there.
pub(super) fn carry_out(steps: &[Step]) -> anyhow::Result<Carried> {
    for (number, step) in steps.iter().enumerate() {
        let [program, arguments @ ..] = step.words.as_slice() else { continue };
        let done = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        let ended = match done {
            Ok(ended) => ended,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Carried::Unavailable(steps.to_vec()));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot run `{step}`")),
        };
        if !ended.success() && !step.may_fail {
            if number == 0 {
                return Ok(Carried::Unavailable(steps.to_vec()));
            }
            bail!("`{step}` failed ({ended}); what it said stands above");
        }
    }
    Ok(Carried::Out)
}

impl Manager {
    pub(super) fn path(self, home: &Path, lookup: Lookup<'_>) -> PathBuf {
        match self {
            Self::Systemd => {
                let config = lookup("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
                config.unwrap_or_else(|| home.join(".config")).join("systemd/user").join(UNIT)
            }
            Self::Launchd => home.join(format!("Library/LaunchAgents/{LABEL}.plist")),
        }
    }

    /// Makes it known and starts it; `replaced` where an older one may run.
    pub(super) fn start(self, path: &Path, replaced: bool) -> Vec<Step> {
        match self {
            Self::Systemd => {
                let mut steps = vec![
                    Step::new(&["systemctl", "--user", "daemon-reload"]),
                    Step::new(&["systemctl", "--user", "enable", "--now", UNIT]),
                ];
                if replaced {
                    steps.push(Step::new(&["systemctl", "--user", "restart", UNIT]));
                }
                steps
            }
            Self::Launchd => {
                let path = path.display().to_string();
                let mut steps = vec![Step::new(&["launchctl", "bootstrap", &domain(), &path])];
                if replaced {
                    steps.insert(0, Step { may_fail: true, ..bootout() });
                }
                steps
            }
        }
    }

    /// Stops it and keeps it from starting again.
    pub(super) fn stop(self) -> Vec<Step> {
        match self {
            Self::Systemd => vec![Step::new(&["systemctl", "--user", "disable", "--now", UNIT])],
            Self::Launchd => vec![bootout()],
        }
    }

    /// Has a removed file forgotten.
    pub(super) fn forget(self) -> Vec<Step> {
        match self {
            Self::Systemd => vec![Step::new(&["systemctl", "--user", "daemon-reload"])],
            Self::Launchd => Vec::new(),
        }
    }

    /// What else a person may want to know.
    pub(super) fn hint(self, lookup: Lookup<'_>) -> Option<&'static str> {
        match self {
            Self::Systemd => {
                let lingers = lookup("USER")
                    .is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists());
                (!lingers).then_some(
                    "It ends when you log out. To keep it running on a machine without a screen: loginctl enable-linger",
                )
            }
            Self::Launchd => None,
        }
    }
}

fn bootout() -> Step {
    Step::new(&["launchctl", "bootout", &format!("{}/{LABEL}", domain())])
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}
