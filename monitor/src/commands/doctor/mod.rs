//! `doctor`: everything that delivery depends on, looked at one by one. A line never passes for what could not be
//! looked at.

mod claude;
mod key;
mod limits;
mod server;
mod state;

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use vibetea_protocol::Clock;

use super::output::{print, print_json};
use crate::cli::JsonArgs;
use crate::config::{ConfigError, Lookup, Settings};
use crate::sender::Signer;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Verdict {
    #[serde(rename = "pass")]
    Pass,
    #[serde(rename = "warn")]
    Warn,
    #[serde(rename = "fail")]
    Fail,
    #[serde(rename = "could not check")]
    Unchecked,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unchecked => "could not check",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    check: &'static str,
    status: Verdict,
    message: String,
    /// What to do, unless all is well.
    remedy: Option<String>,
}

impl Line {
    fn pass(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Verdict::Pass, message: message.into(), remedy: None }
    }

    fn warn(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Warn, message: message.into(), remedy: Some(remedy.into()) }
    }

    fn fail(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Fail, message: message.into(), remedy: Some(remedy.into()) }
    }

    fn unchecked(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Verdict::Unchecked, message: message.into(), remedy: None }
    }
}

pub(super) fn execute(args: &JsonArgs, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let lines = examine(&Settings::read(lookup))?;
    let failed = lines.iter().filter(|line| line.status == Verdict::Fail).count();
    if args.json {
        print_json(&json!({"checks": lines, "failed": failed}))?;
    } else {
        print(&as_text(&lines))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn examine(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let mut lines = vec![settings_line(settings)];
    let identity = settings.identity();
    let key = match &identity {
        Ok(identity) => key::check(identity, &mut lines),
        Err(_) => wrong_setting("key", &mut lines),
    };
    let reading = settings.reading();
    match &reading {
        Ok(reading) => claude::check(&reading.claude_dir, &mut lines),
        Err(_) => wrong_setting("transcripts", &mut lines),
    }
    let running = match settings.state_dir() {
        Ok(state_dir) => state::check(&state_dir, &mut lines),
        Err(_) => wrong_setting("state", &mut lines),
    };
    if let Ok(reading) = &reading {
        limits::check(&reading.claude_dir, running.as_ref(), &mut lines);
    }
    match settings.shipping() {
        Ok(shipping) => {
            let source = identity.ok().map(|identity| identity.source);
            let signer = key.zip(source).map(|(key, source)| Signer { key: key.into(), source });
            server::check(&shipping, signer.as_ref(), &Clock::System, &mut lines)?;
        }
        Err(_) => wrong_setting("server", &mut lines),
    }
    Ok(lines)
}

fn settings_line(settings: &Settings) -> Line {
    let file = settings.file().filter(|path| path.is_file());
    match settings.check() {
        Ok(()) => Line::pass(
            "settings",
            file.map_or_else(
                || "all can be used; there is no configuration file".to_owned(),
                |path| format!("all can be used, those in {} too", path.display()),
            ),
        ),
        Err(error) => Line::fail(
            "settings",
            ConfigError::problems(&error).join("; "),
            "change it; `vibetea-monitor config show` says where each setting stands",
        ),
    }
}

/// A check whose setting is wrong, which was said already.
fn wrong_setting<T: Default>(check: &'static str, lines: &mut Vec<Line>) -> T {
    lines.push(Line::unchecked(check, "a setting that it needs is wrong"));
    T::default()
}

fn as_text(lines: &[Line]) -> String {
    let mut text = String::new();
    let checks = lines.iter().map(|line| line.check.len()).max().unwrap_or_default();
    for Line { check, status, message, remedy } in lines {
        // writing to a String cannot fail
        let _ = writeln!(text, "{:<15}  {check:<checks$}  {message}", status.word());
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "{:<15}  {:<checks$}  → {remedy}", "", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_verdict_and_what_is_wrong_its_remedy() {
        let lines = [
            Line::pass("key", "it is there"),
            Line::warn("history cleanup", "soon", "later"),
            Line::fail("server", "away", "bring it back"),
            Line::unchecked("clock", "nobody to ask"),
        ];
        insta::assert_snapshot!(as_text(&lines), @"
        pass             key              it is there
        warn             history cleanup  soon
                                          → later
        fail             server           away
                                          → bring it back
        could not check  clock            nobody to ask
        ");
        let json = serde_json::to_value(&lines[3]).unwrap();
        assert_eq!(json["status"], "could not check");
        assert_eq!(json["remedy"], serde_json::Value::Null);
    }
}
