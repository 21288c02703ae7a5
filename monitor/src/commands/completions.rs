//! `completions`: a script for a shell, made of the command line itself.

use crate::cli::CompletionsArgs;

use super::Program;
use super::output::print;

pub(super) fn execute(args: &CompletionsArgs, program: Program) -> anyhow::Result<()> {
    let mut line = (program.line)();
    let name = line.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut line, name, &mut script);
    print(&String::from_utf8(script)?)
}
