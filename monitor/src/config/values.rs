//! Each kind of value: how its text is read, its default, and what to say when it is wrong.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;
use vibetea_protocol::SourceId;

use super::reader::{Found, Origin, Reader, Setting, quoted};

const SOURCE_ALLOWED: &str = "1 to 128 characters without control characters are allowed";

/// The text is no URL to which a path can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongUrl {
    /// No http or https URL.
    #[error("an http or https URL such as http://127.0.0.1:8080 is allowed")]
    Kind,
    /// It must not be shown.
    #[error("holds a user name or a password: a URL without them is allowed, requests are signed")]
    Secret,
    /// Something behind the path.
    #[error("a URL without '?' and '#' is allowed")]
    More,
}

/// Reads an http or https URL to which a path can be added.
pub fn read_base_url(text: &str) -> Result<Url, WrongUrl> {
    let url = Url::parse(text.trim()).map_err(|_| WrongUrl::Kind)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(WrongUrl::Kind);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WrongUrl::Secret);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(WrongUrl::More);
    }
    Ok(url)
}

impl Reader<'_> {
    pub(super) fn number(&mut self, setting: &'static Setting, min: u64, max: u64, default: u64) -> u64 {
        let Some(found) = self.find(setting) else {
            self.show(setting, Some(default.to_string()), Origin::Default);
            return default;
        };
        self.show_found(setting, &found);
        match found.value.trim().parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.refuse(setting, &found, &format!("a whole number from {min} to {max} is allowed"));
                default
            }
        }
    }

    /// An http or https URL to which a path can be added.
    pub(super) fn base_url(&mut self, setting: &'static Setting) -> Option<Url> {
        let Some(found) = self.find(setting) else {
            self.show(setting, None, Origin::Default);
            return None;
        };
        let Found { value, origin } = found;
        // what is not taken is not shown as it is: it may hold a password or a token
        let found = Found { value: masked(value.trim()), origin };
        self.show_found(setting, &found);
        match read_base_url(&value) {
            Ok(url) => return Some(url),
            Err(WrongUrl::Secret) => self.complain(setting, format!("{} {}", found.origin, WrongUrl::Secret)),
            Err(wrong) => self.refuse(setting, &found, &wrong.to_string()),
        }
        None
    }

    /// A file of certificates; what it holds is read again where it is used.
    pub(super) fn certificates(&mut self, setting: &'static Setting) -> Option<PathBuf> {
        let Some(found) = self.find(setting) else {
            self.show(setting, None, Origin::Default);
            return None;
        };
        self.show_found(setting, &found);
        let path = self.expanded(found.value.trim());
        match CertificateDer::pem_file_iter(&path).map(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(Ok(certificates)) if !certificates.is_empty() => return Some(path),
            Ok(_) => self.refuse(setting, &found, "a file with certificates in PEM form is allowed"),
            Err(error) => {
                let text =
                    format!("{} names {}, which cannot be read: {error}", found.origin, path.display());
                self.complain(setting, text);
            }
        }
        None
    }

    /// One of a few words; `otherwise` stands for what is none of them until that is said.
    pub(super) fn choice<T>(&mut self, setting: &'static Setting, default: &str, otherwise: T) -> T
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(setting, default);
        text.trim().parse().unwrap_or_else(|error: T::Err| {
            self.refuse_found(setting, &error.to_string());
            otherwise
        })
    }

    pub(super) fn switch(&mut self, setting: &'static Setting, default: bool) -> bool {
        match self.text(setting, if default { "on" } else { "off" }).trim() {
            "on" => true,
            "off" => false,
            _ => {
                self.refuse_found(setting, "'on' or 'off' is allowed");
                default
            }
        }
    }

    fn refuse_found(&mut self, setting: &'static Setting, allowed: &str) {
        if let Some(found) = self.find(setting) {
            self.refuse(setting, &found, allowed);
        }
    }

    /// A list as it was written, once every part of it could be an extension.
    pub(super) fn extensions(&mut self, setting: &'static Setting) -> Option<String> {
        let Some(found) = self.find(setting) else {
            self.show(setting, None, Origin::Default);
            return None;
        };
        self.show_found(setting, &found);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        if found.value.split(',').map(str::trim).all(|part| part.len() <= 16 && part.chars().all(plain)) {
            return Some(found.value);
        }
        self.refuse(setting, &found, "extensions with commas between them, such as 'rs,ts,md', are allowed");
        None
    }

    /// Names of MCP servers, as they stand in the names of their tools.
    pub(super) fn mcp_servers(&mut self, setting: &'static Setting) -> Option<String> {
        let Some(found) = self.find(setting) else {
            self.show(setting, None, Origin::Default);
            return None;
        };
        self.show_found(setting, &found);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let fits = |name: &str| name.len() <= 64 && name.chars().all(plain) && !name.contains("__");
        if found.value.split(',').map(str::trim).all(fits) {
            return Some(found.value);
        }
        self.refuse(
            setting,
            &found,
            "names of MCP servers with commas between them, such as 'github,playwright', are allowed",
        );
        None
    }

    pub(super) fn source(&mut self, setting: &'static Setting) -> Option<SourceId> {
        if let Some(found) = self.find(setting) {
            self.show_found(setting, &found);
            // a header would lose blanks at its ends, and the signature names none
            let source = found.value.trim().parse().ok();
            if source.is_none() {
                self.refuse(setting, &found, SOURCE_ALLOWED);
            }
            return source;
        }
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        self.show(setting, Some(host.clone()), Origin::Default);
        if let Ok(source) = host.parse() {
            return Some(source);
        }
        let text =
            format!("{} is not set and the host name is {}: {SOURCE_ALLOWED}", setting.name, quoted(&host));
        self.complain(setting, text);
        None
    }

    /// A folder; the default with where it comes from, or one under the home folder.
    pub(super) fn folder(
        &mut self,
        setting: &'static Setting,
        default: Option<(PathBuf, Origin)>,
        under_home: &str,
    ) -> Option<PathBuf> {
        if let Some(found) = self.find(setting) {
            if found.value.contains('\0') {
                self.show_found(setting, &found);
                self.refuse(setting, &found, "a path without NUL characters is allowed");
                return None;
            }
            let path = self.expanded(&found.value);
            self.show(setting, Some(path.display().to_string()), found.origin);
            return Some(path);
        }
        let default =
            default.or_else(|| Some((PathBuf::from(self.get("HOME")?).join(under_home), Origin::Default)));
        let (path, origin) = default.unzip();
        let shown = path.as_ref().map(|path| path.display().to_string());
        self.show(setting, shown, origin.unwrap_or(Origin::Default));
        if path.is_none() {
            let text = format!("{} is not set and HOME neither: a folder is required", setting.name);
            self.complain(setting, text);
        }
        path
    }

    /// Any text; it is judged where it is used.
    pub(super) fn text(&mut self, setting: &'static Setting, default: &str) -> String {
        let Some(found) = self.find(setting) else {
            self.show(setting, Some(default.to_owned()), Origin::Default);
            return default.to_owned();
        };
        self.show_found(setting, &found);
        found.value
    }

    fn show_found(&mut self, setting: &'static Setting, found: &Found) {
        self.show(setting, Some(found.value.clone()), found.origin.clone());
    }
}

/// A URL without what may be secret in it: user, password, query and fragment.
fn masked(url: &str) -> String {
    const MASK: &str = "***";
    let mut shown = match url.rfind('@') {
        Some(at) => {
            let scheme = url[..at].find("://").map_or(0, |scheme| scheme + 3);
            format!("{}{MASK}{}", &url[..scheme], &url[at..])
        }
        None => url.to_owned(),
    };
    if let Some(query) = shown.find(['?', '#']) {
        shown.truncate(query + 1);
        shown.push_str(MASK);
    }
    shown
}
