//! One line of what the doctor says.

use std::fmt::Write as _;

use serde::Serialize;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Verdict {
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
pub(super) struct Line {
    pub(super) check: &'static str,
    pub(super) status: Verdict,
    pub(super) message: String,
    /// What to do, unless all is well.
    pub(super) remedy: Option<String>,
}

impl Line {
    pub(super) fn pass(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Verdict::Pass, message: message.into(), remedy: None }
    }

    pub(super) fn warn(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Warn, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn fail(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Fail, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn unchecked(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Verdict::Unchecked, message: message.into(), remedy: None }
    }
}

/// The lines in columns, each with what to do below it.
pub(super) fn as_text(lines: &[Line]) -> String {
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

/// `8.7 MB`, powers of ten, cut off rather than rounded.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| count >= *unit) else {
        return format!("{count} bytes");
    };
    match count / unit {
        whole @ 0..10 => format!("{whole}.{} {name}", count % unit * 10 / unit),
        whole => format!("{whole} {name}"),
    }
}

/// How long something took or lies back, in one unit.
pub(super) fn span(micros: i64) -> String {
    let seconds = micros.abs() / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_verdict_and_what_is_wrong_its_remedy() {
        let lines = [
            Line::pass("store", "it is there"),
            Line::warn("backups", "none", "make some"),
            Line::fail("disk space", "none", "make room"),
            Line::unchecked("clock", "nobody to ask"),
        ];
        insta::assert_snapshot!(as_text(&lines), @"
        pass             store       it is there
        warn             backups     none
                                     → make some
        fail             disk space  none
                                     → make room
        could not check  clock       nobody to ask
        ");
        assert_eq!((bytes(999), bytes(8_765_432)), ("999 bytes".into(), "8.7 MB".into()));
        assert_eq!((span(-5_000_000), span(172_800_000_000)), ("5 s".into(), "2 days".into()));
    }
}
