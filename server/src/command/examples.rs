//! What `--help` shows as an example has to work: each line is parsed, and where it starts a server, its settings are
//! loaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command as Process;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use ed25519_dalek::SigningKey;
use vibetea_protocol::signing::PublicKey;
use vibetea_testkit::certificates::{Authority, Files};

use super::Action;
use crate::config::{Args, Config};

/// As in `main.rs`.
#[derive(clap::Parser)]
#[command(name = "vibetea-server", version, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(flatten)]
    command: super::Command,
}

/// The server's program in the eyes of a shell: it writes down what it was called with.
const RECORDER: &str = r#"#!/bin/sh
call=$(mktemp "$CALLS/XXXXXX")
printf '%s\n' "$@" > "$call"
env > "$call.env"
"#;

/// One call of the program, as the shell makes it.
struct Call {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// Where examples find what they name.
struct Shell {
    folder: tempfile::TempDir,
    files: Files,
}

impl Shell {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let files = Authority::new().issue(&["tea.example.org"], folder.path());
        fs::write(folder.path().join("token"), "vt_of_an_example").unwrap();
        fs::set_permissions(folder.path().join("token"), fs::Permissions::from_mode(0o600)).unwrap();
        let program = folder.path().join("vibetea-server");
        fs::write(&program, RECORDER).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, files }
    }

    /// Runs lines of examples with something that is there in the place of what they name.
    fn run(&self, lines: &str) -> Vec<Call> {
        let path = |path: &Path| path.display().to_string();
        let key = PublicKey::of(&SigningKey::from_bytes(&[1; 32])).to_base64();
        let script = lines
            .replace("BASE64KEY", &key)
            .replace("/etc/vibetea/token", &path(&self.folder.path().join("token")))
            .replace("fullchain.pem", &path(&self.files.certificate))
            .replace("privkey.pem", &path(&self.files.key));
        let calls = tempfile::tempdir().unwrap();
        let output = Process::new("sh")
            .args(["-c", &script])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", path(self.folder.path())))
            .env("HOME", self.folder.path())
            .env("CALLS", calls.path())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let mut found = Vec::new();
        for entry in fs::read_dir(calls.path()).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some() {
                continue;
            }
            let lines = |file: &Path| -> Vec<String> {
                fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
            };
            let environment = lines(&file.with_extension("env"));
            let environment = environment.iter().filter_map(|line| line.split_once('='));
            found.push(Call {
                arguments: lines(&file).into_iter().filter(|argument| !argument.is_empty()).collect(),
                environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            });
        }
        let wanted = script.lines().map(|line| line.matches("vibetea-server ").count()).sum::<usize>();
        let bare = script.lines().filter(|line| line.ends_with("vibetea-server")).count();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(found.len(), wanted + bare, "not every line of {script} is a call: {told}");
        found
    }
}

impl Call {
    /// The subcommands it names, or why it is none.
    fn judge(&self) -> Result<Vec<String>, String> {
        let words = ["vibetea-server"].into_iter().chain(self.arguments.iter().map(String::as_str));
        let matches = match Program::command().try_get_matches_from(words) {
            Ok(matches) => matches,
            Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
                return Ok(self.arguments.iter().filter(|word| !word.starts_with('-')).cloned().collect());
            }
            Err(error) => return Err(error.to_string()),
        };
        let program = Program::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        match program.command.action {
            None => self.load(&program.command.args)?,
            Some(Action::Serve(args)) => self.load(&args)?,
            Some(_) => {}
        }
        Ok(named(&matches))
    }

    fn load(&self, args: &Args) -> Result<(), String> {
        let lookup = |name: &str| self.environment.get(name).cloned();
        Config::load(args, &lookup).map(|_| ()).map_err(|error| error.to_string())
    }
}

fn named(matches: &ArgMatches) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = matches;
    while let Some((name, inner)) = at.subcommand() {
        names.push(name.to_owned());
        at = inner;
    }
    names
}

/// The indented lines below `Examples:`.
fn examples(help: &str) -> String {
    let below = help.split_once("Examples:\n").map_or("", |(_, below)| below);
    let lines = below.lines().take_while(|line| line.is_empty() || line.starts_with("  "));
    lines.map(str::trim).collect::<Vec<_>>().join("\n")
}

/// Every command with those below it, by the words that name it.
fn commands(command: &clap::Command, names: &[String]) -> Vec<(Vec<String>, String)> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut found = vec![(names.to_vec(), help)];
    for inner in command.get_subcommands() {
        let names = [names, &[inner.get_name().to_owned()]].concat();
        found.extend(commands(inner, &names));
    }
    found
}

#[test]
fn every_command_shows_an_example_of_itself_and_every_example_works() {
    let shell = Shell::new();
    let commands = commands(&Program::command(), &[]);
    assert!(commands.len() > 15, "{}", commands.len());
    for (names, help) in commands {
        let lines = examples(&help);
        let mut shown = Vec::new();
        for call in shell.run(&lines) {
            shown.push(call.judge().unwrap_or_else(|error| panic!("{:?}: {error}", call.arguments)));
        }
        // to serve is what the program does without a word
        let own = if names == ["serve"] { Vec::new() } else { names };
        assert!(shown.iter().any(|shown| shown.starts_with(&own)), "{own:?} has no example: {lines}");
    }
}

/// The twins: a setting that no server takes, a command and a flag that there are not.
#[test]
fn examples_that_do_not_work_are_seen_by_the_check() {
    let shell = Shell::new();
    for (line, told) in [
        ("vibetea-server --host 0.0.0.0 --allowed-hosts tea.example.org", "VIBETEA_TLS_CERT"),
        ("VIBETEA_RETENTION=3d vibetea-server serve", "VIBETEA_RETENTION"),
        ("vibetea-server sources ad laptop", "unrecognized"),
        ("zcat none | vibetea-server import --form -", "unexpected"),
    ] {
        let calls = shell.run(line);
        let error = calls[0].judge().unwrap_err();
        assert!(error.contains(told), "{line}: {error}");
    }
    assert_eq!(examples("no word of them"), "");
}
