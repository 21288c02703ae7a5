//! Breaks the code that keeps texts in, one place at a time, and sees whether a test notices.

use anyhow::Result;

use crate::shell::{cargo_command, target_dir};
use crate::tools;

/// What is broken, and which tests must notice.
struct Area {
    package: &'static str,
    files: &'static [&'static str],
    /// Which test programs are built, as cargo is told.
    programs: &'static [&'static str],
    /// As nextest is told.
    tests: &'static str,
}

const AREAS: [Area; 2] = [
    Area {
        package: "vibetea-protocol",
        files: &["protocol/src/names.rs"],
        programs: &["--lib"],
        tests: "test(/^names::/)",
    },
    Area {
        package: "vibetea-monitor",
        files: &["monitor/src/privacy.rs", "monitor/src/privacy/panics.rs"],
        programs: &["--test=transcripts"],
        // the others take longer and know nothing of it
        tests: "test(/^(privacy|panics)::/) + test(the_first_directory_names) + test(no_canary)",
    },
];

/// Works in a copy of the tree; a mutant that survives is a failure.
pub(crate) fn run() -> Result<()> {
    tools::require_nextest()?;
    tools::require_mutants()?;
    let reports = target_dir()?.join("mutants");
    for area in AREAS {
        let mut arguments = vec!["mutants", "--test-tool", "nextest", "--package", area.package];
        arguments.extend(area.files.iter().flat_map(|file| ["--file", file]));
        arguments.extend(area.programs.iter().flat_map(|program| ["--cargo-arg", program]));
        arguments.extend(["--", "--fail-fast", "-E", area.tests]);
        let folder = reports.join(area.package);
        std::fs::create_dir_all(&folder)?;
        cargo_command(arguments).env("CARGO_MUTANTS_OUTPUT", &folder.to_string_lossy()).run()?;
    }
    Ok(())
}
