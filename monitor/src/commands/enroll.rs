//! `enroll`: a key, a code and a server become a registered monitor with its settings written down.

use std::path::Path;

use anyhow::{Context as _, bail};
use ed25519_dalek::SigningKey;
use url::Url;
use vibetea_protocol::enrol::{ENROL_PATH, EnrolRequest, Enrolled};
use vibetea_protocol::{ErrorCode, SourceId};

use super::init::{as_word, confirmed, is_conversation};
use super::output::say;
use super::refused::{Answer, Refused, in_general};
use super::{Program, service};
use crate::cli::{EnrollArgs, InstallArgs};
use crate::config::{
    self, ConfigError, ConfigFile, Joining, Lookup, Origin, SERVER_URL, SOURCE_ID, Setting, Settings,
};
use crate::keys::{self, KeyError};
use crate::sender::{self, Told, is_loopback};

pub(super) fn execute(args: &EnrollArgs, program: Program, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let server = server(args)?;
    let settings = Settings::read(lookup);
    let Joining { key_dir, source, ca_cert } = settings.joining()?;
    let wanted = source.filter(|_| !args.force);
    let mut file = open(&settings)?;
    // what would be refused afterwards is refused before the code is used up
    check_server(&file, &server, args.force)?;
    let key = key(&key_dir)?;
    let source = join(args, &server, ca_cert.as_deref(), &key, wanted.as_ref())?;
    say(format_args!("Joined {server} as '{source}'."));
    write_down(&mut file, &server, &source)?;
    warn_of_overrides(&settings, &server, &source);
    offer_service(args, program, lookup)
}

/// The address without a slash at its end.
fn server(args: &EnrollArgs) -> Result<Url, ConfigError> {
    let wrong = |text: String| ConfigError::new(vec![text]);
    let url = config::read_base_url(&args.url).map_err(|why| match why {
        config::WrongUrl::Secret => wrong(format!("the URL {why}")),
        _ => wrong(format!("the URL of the server cannot be used: {why}")),
    })?;
    if url.scheme() == "http" && !is_loopback(&url) && !args.insecure_http {
        return Err(wrong(format!(
            "{url} is not encrypted, so the code could be read on its way and used by somebody else: name an https \
             URL, or add --insecure-http where you trust every network in between"
        )));
    }
    Ok(without_slash(url))
}

fn without_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

fn open(settings: &Settings) -> anyhow::Result<ConfigFile> {
    let path = settings.file().context("HOME is not set: name a configuration file with --config")?;
    ConfigFile::open(path).with_context(|| format!("cannot use {}", path.display()))
}

fn check_server(file: &ConfigFile, server: &Url, force: bool) -> anyhow::Result<()> {
    let key = SERVER_URL.key;
    match file.value(key) {
        Some(other) if !force && !is_same(&other, server) => bail!(
            "'{key}' in {} names another server: change it there, or replace it with --force; nothing was sent",
            file.path().display()
        ),
        _ => Ok(()),
    }
}

fn is_same(text: &str, server: &Url) -> bool {
    config::read_base_url(text).is_ok_and(|url| without_slash(url) == *server)
}

/// The key of this machine, made now where there is none.
fn key(dir: &Path) -> Result<SigningKey, KeyError> {
    match keys::load(dir) {
        Err(KeyError::Missing(_)) => {}
        there => return there,
    }
    match keys::create(dir, false) {
        Ok(_) => say(format_args!("Key pair written to {}.", dir.display())),
        // somebody else was faster
        Err(KeyError::Exists(_)) => {}
        Err(error) => return Err(error),
    }
    keys::load(dir)
}

/// Shows code and proof; answers the name that the code was made for.
fn join(
    args: &EnrollArgs,
    server: &Url,
    ca_cert: Option<&Path>,
    key: &SigningKey,
    wanted: Option<&SourceId>,
) -> anyhow::Result<SourceId> {
    let url = config::endpoint(server, ENROL_PATH.trim_start_matches('/'));
    let request = EnrolRequest::new(&args.code, key, &server.origin().ascii_serialization(), wanted);
    let body = serde_json::to_string(&request)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime
        .block_on(sender::ask(&url, ca_cert, body, None))
        .context("not joined; run the same command again, it is good for as long as its code")?;
    if let Some(refused) = Refused::of(&told) {
        bail!("not joined: {}", why(&refused, &told, &url, wanted));
    }
    let answer: Option<Enrolled> = serde_json::from_slice(&told.body).ok();
    answer.and_then(|answer| answer.source.parse().ok()).with_context(|| {
        format!("{url} answers {}, but not as a VibeTea server does: check the URL", Answer(&told))
    })
}

fn why(refused: &Refused, told: &Told, url: &Url, wanted: Option<&SourceId>) -> String {
    match (refused, wanted) {
        (Refused::Code(ErrorCode::InvalidCode), _) => {
            "the server does not take this code: it is mistyped, was used already, or is older than 15 minutes; ask \
             for a new one with `vibetea-server enroll NAME` on the server"
                .to_owned()
        }
        (Refused::Code(ErrorCode::SourceMismatch), Some(wanted)) => format!(
            "this machine is set to send as '{wanted}', and the code is for another name; --force takes the name of \
             the code, `vibetea-server enroll {}` on the server makes a code for this one",
            as_word(wanted.as_str())
        ),
        (Refused::Later(Some(seconds)), _) if told.status == 429 => format!(
            "too many codes were tried; the server listens again in {seconds} s, and a good code stays good \
             until its 15 minutes are over"
        ),
        _ => in_general(refused, told, url, "enrolment"),
    }
}

fn write_down(file: &mut ConfigFile, server: &Url, source: &SourceId) -> anyhow::Result<()> {
    let path = file.path().to_owned();
    let (server_key, source_key) = (SERVER_URL.key, SOURCE_ID.key);
    let lines = [(source_key, source.as_str()), (server_key, server.as_str())];
    let written = (|| {
        for (key, value) in lines {
            let is_there = key == server_key && file.value(key).is_some_and(|there| is_same(&there, server));
            if !is_there {
                file.set(key, value)?;
            }
        }
        if file.is_changed() { file.save() } else { Ok(()) }
    })();
    written.with_context(|| {
        format!(
            "the server knows this monitor, but {} cannot be written; put there\n  {server_key} = {}\n  {source_key} = {}",
            path.display(),
            toml::Value::from(server.as_str()),
            toml::Value::from(source.as_str())
        )
    })?;
    if file.is_changed() {
        say(format_args!("Written to {}: {server_key} and {source_key}.", path.display()));
    } else {
        say(format_args!("{} says so already.", path.display()));
    }
    Ok(())
}

/// What wins over the file in this shell.
fn warn_of_overrides(settings: &Settings, server: &Url, source: &SourceId) {
    let differs = |setting: &Setting, is_same: &dyn Fn(&str) -> bool| {
        let shown = settings.given(setting)?;
        let value = shown.value.as_deref().filter(|value| !is_same(value))?.to_owned();
        (!matches!(shown.origin, Origin::File { .. })).then(|| (shown.origin.clone(), value))
    };
    let wins = [
        differs(SERVER_URL, &|value| is_same(value, server)),
        differs(SOURCE_ID, &|value| value == source.as_str()),
    ];
    for (origin, value) in wins.into_iter().flatten() {
        say(format_args!("In this shell {origin} is \"{}\" and wins over the file.", value.escape_debug()));
    }
}

fn offer_service(args: &EnrollArgs, program: Program, lookup: Lookup<'_>) -> anyhow::Result<()> {
    const QUESTION: &str = "Install the service, so that the monitor runs whenever you are logged in? [y/N] ";
    let wanted = args.install_service || !args.no_service && is_conversation() && confirmed(QUESTION)?;
    if wanted {
        let install = InstallArgs { print: false, force: false };
        return service::install(&install, program, lookup)
            .context("this monitor has joined, but its service is not installed");
    }
    say("Start it with `vibetea-monitor run`, or for good with `vibetea-monitor service install`.");
    Ok(())
}
