//! The files under `deploy/`, the release's installer and workflows, checked as far as this machine can.

mod install;
mod lint;
mod monitor;
mod service;
mod syscalls;
mod unit;

use std::path::Path;
use std::process::{Command, Output};

use vibetea_testkit::lack::skip;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the command said and whether it succeeded; none, with a word, where there is no such program.
fn run(command: &mut Command) -> Option<(bool, String)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Ok(Output { status, stdout, stderr }) = command.output() else {
        skip(&program, &format!("no `{program}` on this system"));
        return None;
    };
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Some((status.success(), said))
}
