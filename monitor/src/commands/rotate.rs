//! `rotate`: another key, for which the old one vouches.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ed25519_dalek::SigningKey;
use tokio::runtime::Runtime;
use url::Url;
use vibetea_protocol::enrol::{ROTATE_PATH, RotateRequest, Rotated};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{ErrorCode, SourceId};

use super::init::as_word;
use super::output::say;
use super::refused::{Refused, in_general};
use crate::cli::RotateArgs;
use crate::config::{self, IdentityConfig, Lookup, Settings};
use crate::keys::Rotation;
use crate::sender::{self, Signer, Told};

pub(super) fn execute(args: &RotateArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let settings = Settings::read(lookup);
    let IdentityConfig { key_dir, source } = settings.identity()?;
    let shipping = settings.shipping()?;
    if shipping.hosted && !shipping.same_origin() {
        bail!(
            "supabase_url is a deployment of its own, which knows keys by its configuration alone and would refuse \
             another one: the key stays as it is"
        );
    }
    let server = Server {
        ca_cert: shipping.ca_cert.clone(),
        url: config::endpoint(&settings.server()?, ROTATE_PATH.trim_start_matches('/')),
        source,
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
    };
    let rotation = Rotation::begin(&key_dir)?;
    let new = rotation.new.clone();
    let told = match server.vouch(&rotation) {
        Ok(told) => told,
        // a server that may have been told by an earlier attempt may end the old key: the new one is kept
        Err(Failure { error, is_final }) if rotation.resumed || !is_final => {
            return Err(error.context(
                "the old key still signs; once that is put right, run `vibetea-monitor rotate` again",
            ));
        }
        Err(Failure { error, .. }) => {
            rotation.give_up()?;
            return Err(error.context("the key stays as it is"));
        }
    };
    let public = rotation.finish()?;
    say(format_args!("This monitor signs with {} from now on.", public.to_base64()));
    say("One that is running takes it within seconds; what waits is sent with it.");
    if args.revoke_old {
        server.ask(&new, &new, true).map_err(|failure| failure.error).context(
            "the new key signs, but the server was not told to end the old one; run `vibetea-monitor rotate --revoke-old` again",
        )?;
        say("The server has ended the old key.");
    } else if let Some(end) = told.others_expire {
        say(format_args!("The server takes the old key until {end}."));
    }
    Ok(())
}

/// Whom to tell.
struct Server {
    url: Url,
    ca_cert: Option<PathBuf>,
    source: SourceId,
    runtime: Runtime,
}

/// The server was not told, or refuses.
struct Failure {
    error: anyhow::Error,
    /// Whether it certainly did not do what it was asked.
    is_final: bool,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, is_final: false }
    }
}

impl Server {
    /// Has the old key vouch for the new one. Where an earlier attempt was broken off, the server may know the new key
    /// already and the old one no more.
    fn vouch(&self, rotation: &Rotation) -> Result<Rotated, Failure> {
        let Rotation { old, new, resumed, .. } = rotation;
        match self.ask(old, new, false) {
            Err(failure) if failure.is_final && *resumed => self.ask(new, new, false).map_err(|_| failure),
            asked => asked,
        }
    }

    fn ask(&self, signing: &SigningKey, new: &SigningKey, end_others: bool) -> Result<Rotated, Failure> {
        let Self { url, ca_cert, source, runtime } = self;
        let request = RotateRequest::new(source, &PublicKey::of(signing), new, end_others);
        let body = serde_json::to_string(&request).map_err(anyhow::Error::from)?;
        let signer = Signer { key: signing.clone().into(), source: source.clone() };
        let asked = sender::ask(url, ca_cert.as_deref(), body, Some(&signer));
        let told = runtime.block_on(asked).map_err(anyhow::Error::from)?;
        if let Some(refused) = Refused::of(&told) {
            let is_final = !matches!(refused, Refused::Later(_));
            return Err(Failure { error: anyhow::anyhow!(why(&refused, &told, url, source)), is_final });
        }
        let answer = serde_json::from_slice(&told.body)
            .with_context(|| format!("{url} does not answer as a VibeTea server does: check the URL"));
        Ok(answer?)
    }
}

fn why(refused: &Refused, told: &Told, url: &Url, source: &SourceId) -> String {
    let word = as_word(source.as_str());
    match refused {
        Refused::Code(ErrorCode::UnknownSource | ErrorCode::InvalidSignature) => format!(
            "the server does not take the key that '{source}' signs with, so it cannot vouch for another: run \
             `vibetea-server enroll {word}` on the server, and here the command that it prints"
        ),
        _ => in_general(refused, told, url, "change of key"),
    }
}
