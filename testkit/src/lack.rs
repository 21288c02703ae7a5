//! Tests that cannot test here, for want of a program.

use std::io::Write as _;
use std::process::Command;

/// Programs that `.ci/run` installs, with the word by which it does.
const INSTALLED: [(&str, &str); 13] = [
    ("caddy", "caddy"),
    ("check-jsonschema", "check-jsonschema"),
    ("curl", "curl"),
    ("hadolint", "hadolint"),
    ("nginx", "nginx"),
    ("postgresql", "postgresql"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("python3", "python3"),
    ("shellcheck", "shellcheck"),
    ("strace", "strace"),
    ("yamllint", "yamllint"),
    ("zizmor", "zizmor"),
];

/// What `cargo xtask test` makes before the tests run.
pub const DASHBOARD: &str = "the dashboard";

/// Says why a test does not test here, past the capture of its output. With `CI` set, where everything is there to be run,
/// it panics instead if `.ci/run` installs the program.
pub fn skip(program: &str, why: &str) {
    #[expect(clippy::disallowed_methods, reason = "the convention of continuous integrations")]
    let is_ci = std::env::var_os("CI").is_some();
    assert!(!is_ci || !is_installed(program), "in CI nothing is skipped for want of {program}: {why}");
    // whoever closed standard error wants to read nothing
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Whether `strace` is there and may trace; where not, with a word.
pub fn can_trace() -> bool {
    match Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => true,
        // that is for whoever runs the machine to allow
        Ok(_) => {
            skip("the right to trace", "strace may not trace here");
            false
        }
        Err(error) => {
            skip("strace", &format!("strace cannot be run: {error}"));
            false
        }
    }
}

fn is_installed(program: &str) -> bool {
    program == DASHBOARD || INSTALLED.iter().any(|(installed, _)| *installed == program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_in_ci_is_installed_there() {
        let script = include_str!("../../.ci/run");
        let words = || script.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        for (program, word) in INSTALLED {
            assert!(words().any(|found| found.trim_end_matches("-bin") == word), "{program}");
        }
        assert!(!is_installed("systemd-analyze") && !words().any(|found| found == "systemd-analyze"));
    }
}
