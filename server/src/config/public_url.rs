//! The address by which others reach this server: what an enrolment tells the monitor.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::reader::Reader;
use super::{
    Args, BasePath, ConfigError, Lookup, PUBLIC_URL, StoreArgs, Wrong, read_base_path, read_host, read_port,
};

/// Scheme, host, port and base path, without a `/` at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    text: String,
}

impl PublicUrl {
    /// What it may be.
    pub const ALLOWED: &str = "an http or https URL with the base path and nothing behind it, such as \
         https://tea.example.org or https://example.org/tea";

    /// Reads an address.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && BasePath::parse(url.path()).is_some();
        let text = url.as_str().trim_end_matches('/').to_owned();
        plain.then_some(Self { url, text })
    }

    /// The public URL; where it is not set, the address that the server listens on.
    pub fn load(args: &StoreArgs, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let args = Args::from(args);
        let mut reader = Reader::open(&args, lookup);
        let public = read_public_url(&mut reader);
        let (host, port) = (read_host(&mut reader), read_port(&mut reader));
        let base_path = read_base_path(&mut reader);
        let address = public.or_else(|| Self::listening(host, port, &base_path));
        if address.is_none() {
            reader.wrong.push(Wrong::new(
                PUBLIC_URL.name,
                format!(
                    "is not set, and {host} port {port}, where the server listens, is no address to call"
                ),
                Self::ALLOWED,
            ));
        }
        reader.finish()?;
        Ok(address.unwrap_or_else(|| unreachable!("what is missing was complained about")))
    }

    /// The address that a server listens on; none where others cannot call it.
    pub fn listening(host: IpAddr, port: u16, base_path: &BasePath) -> Option<Self> {
        if host.is_unspecified() || port == 0 {
            return None;
        }
        Self::parse(&format!("http://{}{base_path}", std::net::SocketAddr::new(host, port)))
    }

    /// Scheme, host and port, as a proof of enrolment names them.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// What to paste on a machine that is to join with this code.
    pub fn line_for(&self, code: &str) -> String {
        // some shells take brackets for a pattern
        let quote = if self.text.contains('[') { "'" } else { "" };
        let exposed = if self.is_exposed() { " --insecure-http" } else { "" };
        format!("vibetea-monitor enroll {quote}{self}{quote} --code {code}{exposed}")
    }

    /// Whether it is an address of this machine for itself.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    /// Whether what is sent there can be read on its way.
    pub fn is_exposed(&self) -> bool {
        self.url.scheme() == "http" && !self.is_loopback()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn read_public_url(reader: &mut Reader<'_>) -> Option<PublicUrl> {
    reader.parse(&PUBLIC_URL, None, PublicUrl::ALLOWED, |text| PublicUrl::parse(text).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_address_with_a_plain_path() {
        let read = |text| PublicUrl::parse(text).map(|url| (url.to_string(), url.origin()));
        for (text, url, origin) in [
            ("https://tea.example.org", "https://tea.example.org", "https://tea.example.org"),
            ("HTTPS://Tea.Example.org:443/", "https://tea.example.org", "https://tea.example.org"),
            ("http://[::1]:8080/a/b/", "http://[::1]:8080/a/b", "http://[::1]:8080"),
        ] {
            assert_eq!(read(text), Some((url.to_owned(), origin.to_owned())), "{text}");
        }
        for text in [
            "",
            "tea.example.org",
            "ftp://tea.example.org",
            "https://u:p@tea.example.org",
            "https://tea.example.org/?a",
            "https://tea.example.org/#a",
            "https://tea.example.org/a;rm",
            "https://tea.example.org/$(id)",
            "https://tea.example.org/a'b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_line_is_one_that_a_shell_and_the_monitor_take() {
        let line = |text| PublicUrl::parse(text).unwrap().line_for("7K2M-9QXA");
        assert_eq!(
            line("https://tea.example.org/a/"),
            "vibetea-monitor enroll https://tea.example.org/a --code 7K2M-9QXA"
        );
        assert_eq!(line("http://[::1]:8080"), "vibetea-monitor enroll 'http://[::1]:8080' --code 7K2M-9QXA");
        assert_eq!(
            line("http://10.0.0.7"),
            "vibetea-monitor enroll http://10.0.0.7 --code 7K2M-9QXA --insecure-http"
        );
    }

    #[test]
    fn what_can_be_read_on_its_way_is_known() {
        let exposed = |text| PublicUrl::parse(text).unwrap().is_exposed();
        for text in ["https://tea.example.org", "http://127.0.0.1:8080", "http://[::1]", "http://localhost"] {
            assert!(!exposed(text), "{text}");
        }
        assert!(exposed("http://tea.example.org"));
        assert!(exposed("http://10.0.0.7:8080"));
    }

    #[test]
    fn without_one_the_address_that_is_listened_on_stands_where_it_can_be_called() {
        let load = |pairs: &'static [(&str, &str)]| {
            let lookup =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            PublicUrl::load(&StoreArgs::default(), &lookup).map(|url| url.to_string())
        };
        assert_eq!(load(&[]).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(load(&[("VIBETEA_HOST", "::1"), ("PORT", "81")]).unwrap(), "http://[::1]:81");
        assert_eq!(load(&[("VIBETEA_BASE_PATH", "/tea/")]).unwrap(), "http://127.0.0.1:8080/tea");
        let both = load(&[("VIBETEA_HOST", "0.0.0.0"), ("VIBETEA_PUBLIC_URL", "https://tea.example.org/")]);
        assert_eq!(both.unwrap(), "https://tea.example.org");
        let nowhere = load(&[("VIBETEA_HOST", "0.0.0.0")]).unwrap_err().to_string();
        assert!(
            nowhere.contains("VIBETEA_PUBLIC_URL is not set") && nowhere.contains("0.0.0.0"),
            "{nowhere}"
        );
        let wrong = load(&[("VIBETEA_PUBLIC_URL", "tea")]).unwrap_err().to_string();
        assert!(wrong.contains("VIBETEA_PUBLIC_URL holds \"tea\""), "{wrong}");
    }
}
