//! What joining a server, and changing the key there, ask of the settings.

use std::path::PathBuf;

use url::Url;
use vibetea_protocol::SourceId;

use super::{
    CA_CERT, COMPLAINED, ConfigError, KEY_PATH, Origin, SERVER_URL, SOURCE_ID, Setting, Settings, Shown,
};

/// What a monitor joins a server with.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Folder of the key, which may not be there yet.
    pub key_dir: PathBuf,
    /// The name, where one is set.
    pub source: Option<SourceId>,
    /// Certificates in PEM form that are trusted beside the machine's own.
    pub ca_cert: Option<PathBuf>,
}

impl Settings {
    /// The server, without a path of its own; every endpoint is below it.
    pub fn server(&self) -> Result<Url, ConfigError> {
        self.check_these(&[SERVER_URL])?;
        Ok(self.server_url.clone().expect(COMPLAINED))
    }

    /// What joining a server needs before it is known under which name. The configuration file need not be there yet.
    pub fn joining(&self) -> Result<Joining, ConfigError> {
        let is_given = self.given(SOURCE_ID).is_some();
        self.check_where(|about| about == KEY_PATH || about == CA_CERT || is_given && about == SOURCE_ID)?;
        Ok(Joining {
            key_dir: self.key_dir.clone().expect(COMPLAINED),
            source: self.source.clone().filter(|_| is_given),
            ca_cert: self.ca_cert.clone(),
        })
    }

    /// A setting that somebody gave a value.
    pub fn given(&self, setting: &Setting) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.setting == setting && shown.origin != Origin::Default)
    }
}
