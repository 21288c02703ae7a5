//! Which `Host` and `Origin` the server answers to: what keeps a page that rebinds its name off a server
//! that asks for no token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use vibetea_protocol::ErrorCode;

use crate::app::App;
use crate::callers::claims_a_proxy;
use crate::config::AllowedHost;
use crate::error::Refusal;

/// Refuses requests for names that are not this server's.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let rules = Rules { loopback_only: app.is_open(), allowed: app.allowed_hosts.as_deref() };
    match rules.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(what) => Refusal::new(ErrorCode::Forbidden, what).into_response(),
    }
}

const HOST: &str = "This server does not answer to the name in Host";

struct Rules<'a> {
    loopback_only: bool,
    allowed: Option<&'a [AllowedHost]>,
}

impl Rules<'_> {
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
        if !self.loopback_only && self.allowed.is_none() {
            return Ok(());
        }
        let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().ok()).peekable();
        if hosts.peek().is_none() {
            return Err(HOST);
        }
        // the address may hold a host as well, and then that is the one that counts
        let in_address = uri.authority().map(|authority| Some(authority.as_str()));
        if !hosts.chain(in_address).all(|host| host.is_some_and(|host| self.admits_host(host))) {
            return Err(HOST);
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if self.loopback_only && !origins.all(|origin| origin.to_str().is_ok_and(is_loopback_origin)) {
            return Err("Without authentication only pages of this machine may call this server");
        }
        if self.loopback_only && claims_a_proxy(headers) {
            return Err("Without authentication nobody may call this server through a proxy");
        }
        Ok(())
    }

    fn admits_host(&self, host: &str) -> bool {
        AllowedHost::parse(host).is_some_and(|asked| {
            (!self.loopback_only || asked.is_loopback())
                && self.allowed.is_none_or(|allowed| allowed.iter().any(|host| host.admits(&asked)))
        })
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(_, host)| AllowedHost::parse(host).is_some_and(|host| host.is_loopback()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn passes(rules: &Rules<'_>, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        rules.check(&Uri::from_static("/health"), &headers).is_ok()
    }

    #[test]
    fn an_open_server_answers_to_loopback_names_alone() {
        let rules = Rules { loopback_only: true, allowed: None };
        for host in
            ["127.0.0.1", "127.8.8.8:80", "localhost:8080", "LOCALHOST", "[::1]:8080", "tea.localhost"]
        {
            assert!(passes(&rules, host, None), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1", "a@localhost", "::1"]
        {
            assert!(!passes(&rules, host, None), "{host}");
        }
        assert!(passes(&rules, "localhost", Some("http://localhost:5173")));
        for origin in ["http://evil.example", "null", "http://localhost@evil.example", "https://10.0.0.1"] {
            assert!(!passes(&rules, "localhost", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_guarded_server_asks_for_the_listed_names_alone_and_for_no_origin() {
        let listed = [AllowedHost::parse("tea.example").unwrap(), AllowedHost::parse("other:81").unwrap()];
        let rules = Rules { loopback_only: false, allowed: Some(&listed) };
        assert!(passes(&rules, "Tea.Example:9000", Some("https://anything.example")));
        assert!(passes(&rules, "other:81", None));
        assert!(!passes(&rules, "other:82", None));
        assert!(!passes(&rules, "localhost", None));
        assert!(passes(&Rules { loopback_only: false, allowed: None }, "whatever", Some("null")));
    }

    #[test]
    fn a_second_host_and_a_host_in_the_address_count_as_well() {
        let rules = Rules { loopback_only: true, allowed: None };
        let mut headers = HeaderMap::new();
        assert!(rules.check(&Uri::from_static("/"), &headers).is_err());
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        assert!(rules.check(&Uri::from_static("http://evil.example/"), &headers).is_err());
        headers.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(rules.check(&Uri::from_static("/"), &headers).is_err());
    }
}
