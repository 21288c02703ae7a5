//! `service install` and `service uninstall`: a file for the user's service manager, and the manager told of it.

mod file;
mod launchd;
mod manager;
mod systemd;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::Program;
use super::output::{print, say};
use crate::cli::{InstallArgs, UninstallArgs};
use crate::config::{ConfigError, Lookup, Settings};
use crate::keys;
use manager::{Carried, Manager};

/// What the service is to run.
#[derive(Debug)]
struct Service {
    executable: PathBuf,
    arguments: Vec<String>,
    state_dir: PathBuf,
    home: PathBuf,
}

pub(super) fn install(args: &InstallArgs, program: Program, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let manager = Manager::here()?;
    let home = home(lookup)?;
    let settings = Settings::read(lookup);
    let config = settings.file().context("HOME is not set: name a configuration file with --config")?;
    let config = std::path::absolute(config)?;
    let seen = |name: &str| service_sees(name, &config, lookup);
    let its_settings = Settings::read(&seen);
    let state_dir = std::path::absolute(its_settings.state_dir()?)?;
    let before = program.arguments.iter().map(|argument| (*argument).to_owned());
    let own = ["--config".to_owned(), config.display().to_string(), "run".to_owned()];
    let executable = std::env::current_exe().context("cannot tell where this program is")?;
    let service = Service { executable, arguments: before.chain(own).collect(), state_dir, home };
    let text = manager.render(&service);
    if args.print {
        return print(&text);
    }
    will_start(&settings, &its_settings, &config)?;
    // a service may not make folders outside of this one
    make_private(&service.state_dir)?;
    let path = manager.path(&service.home, lookup);
    let replaced = file::write(&path, &text, args.force)?;
    say(format_args!("Written: {}", path.display()));
    match manager::carry_out(&manager.start(&path, replaced))? {
        Carried::Out => {
            say("The service runs now and whenever you log in. `vibetea-monitor status` shows how it does.");
        }
        Carried::Unavailable(commands) => {
            say("The service manager cannot be reached from here. To start the service:");
            for command in commands {
                say(format_args!("  {command}"));
            }
        }
    }
    if let Some(hint) = manager.hint(lookup) {
        say(hint);
    }
    Ok(())
}

pub(super) fn uninstall(args: &UninstallArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let manager = Manager::here()?;
    let path = manager.path(&home(lookup)?, lookup);
    if !path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
        say(format_args!("There is no service at {}.", path.display()));
        return Ok(());
    }
    file::check_ours(&path, args.force)?;
    if let Carried::Unavailable(commands) = manager::carry_out(&manager.stop())? {
        say("The service manager cannot be reached from here. If the service runs, stop it:");
        for command in commands {
            say(format_args!("  {command}"));
        }
    }
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    manager::carry_out(&manager.forget())?;
    say(format_args!("Removed: {}. Key and state are kept.", path.display()));
    Ok(())
}

fn home(lookup: Lookup<'_>) -> Result<PathBuf, ConfigError> {
    let home = lookup("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.ok_or_else(|| {
        ConfigError::new(vec!["HOME is not set: the service's file belongs below it".to_owned()])
    })
}

/// A service sees the file and the home folder, not what is set in this shell.
fn service_sees(name: &str, config: &Path, lookup: Lookup<'_>) -> Option<String> {
    match name {
        "--config" => config.is_file().then(|| config.display().to_string()),
        "HOME" => lookup(name),
        _ => None,
    }
}

/// Fails with the lines that are missing in the file where the service would end at once, and names what it would do
/// otherwise than this shell.
fn will_start(here: &Settings, there: &Settings, config: &Path) -> anyhow::Result<()> {
    let differing: Vec<String> = here
        .shown()
        .iter()
        .zip(there.shown())
        .filter(|(here, there)| here.value != there.value)
        .filter_map(|(here, _)| Some(format!("{} = {}", here.setting.key, as_toml(here.value.as_deref()?))))
        .collect();
    let lines = differing.join("\n    ");
    if let Err(error) = there.check() {
        let mut problems = vec![format!("the service reads {} and nothing else", config.display())];
        problems.extend(error.problems().iter().cloned());
        if !differing.is_empty() {
            problems.push(format!("put there what is set in this shell:\n    {lines}"));
        }
        return Err(ConfigError::new(problems).into());
    }
    keys::load(&there.identity()?.key_dir)?;
    if !differing.is_empty() {
        say(format_args!(
            "The service does not see what is set in this shell alone. To have it there too, put into {}:\n    {lines}",
            config.display()
        ));
    }
    Ok(())
}

fn as_toml(value: &str) -> String {
    let number = value.parse().map(toml::Value::Integer);
    number.unwrap_or_else(|_| toml::Value::String(value.to_owned())).to_string()
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(folder).with_context(|| format!("cannot make the state folder {}", folder.display()))
}

impl Manager {
    fn here() -> anyhow::Result<Self> {
        if cfg!(target_os = "macos") {
            Ok(Self::Launchd)
        } else if cfg!(target_os = "linux") {
            Ok(Self::Systemd)
        } else {
            bail!(
                "there is no service for this system: start `vibetea-monitor run` at login by its own means"
            )
        }
    }

    fn render(self, service: &Service) -> String {
        match self {
            Self::Systemd => file::marked(&systemd::render(service), "# ", ""),
            Self::Launchd => file::marked(&launchd::render(service), "<!-- ", " -->"),
        }
    }
}
