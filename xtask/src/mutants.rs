//! Breaks the code that keeps texts in, one place at a time, and sees whether a test notices.

use anyhow::Result;

use crate::shell::cargo;
use crate::tools;

/// The tests of the monitor that a broken policy must fail; the others take longer and know nothing of it.
const OF_PRIVACY: &str = "test(/^(privacy|panics)::/) + test(the_first_directory_names) + test(no_canary)";

/// Works in a copy of the tree; a mutant that survives is a failure.
pub(crate) fn run() -> Result<()> {
    tools::require_nextest()?;
    tools::require_mutants()?;
    mutate("vibetea-protocol", &["protocol/src/names.rs"], "wire", "all()", &["--lib"])?;
    mutate(
        "vibetea-monitor",
        &["monitor/src/privacy.rs", "monitor/src/privacy/panics.rs"],
        "transcripts",
        OF_PRIVACY,
        &[],
    )
}

fn mutate(package: &str, files: &[&str], test: &str, filter: &str, targets: &[&str]) -> Result<()> {
    let mut arguments = vec!["mutants", "--test-tool", "nextest", "--package", package];
    for file in files {
        arguments.extend(["--file", file]);
    }
    let targets: Vec<String> =
        targets.iter().map(|target| (*target).to_owned()).chain([format!("--test={test}")]).collect();
    for target in &targets {
        arguments.extend(["--cargo-arg", target]);
    }
    arguments.extend(["--", "--fail-fast", "-E", filter]);
    cargo(arguments)
}
