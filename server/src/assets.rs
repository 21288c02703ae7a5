//! The files of the dashboard as they were built into the program, and how one is answered. Knows no route.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Names with a hash in them stand for one content for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const HASHED_FOLDER: &str = "assets/";
/// The page that everything else is named in.
const PAGE: &str = "index.html";

/// A file of the dashboard.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Below the page, `/` between components.
    pub(crate) path: &'static str,
    content_type: &'static str,
    /// In quotes, as a header has it.
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// Every file but the page; none where the program was built without a dashboard.
pub(crate) fn files() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().filter(|asset| asset.path != PAGE)
}

/// The page, if it was there when the program was built.
pub(crate) fn page() -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == PAGE)
}

impl Asset {
    /// The file in the best form that the client takes, or word that it has it already.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let (bytes, encoding) = self.form(request);
        let caching = if self.path.starts_with(HASHED_FOLDER) { FOR_EVER } else { "no-cache" };
        let mut response = if self.is_known(request) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Body::from(bytes).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if let Some(encoding) = encoding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::ETAG, HeaderValue::from_static(self.tag));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    fn form(&self, request: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
        let forms = [("br", self.brotli), ("gzip", self.gzip)];
        forms
            .into_iter()
            .filter(|(name, _)| takes(request, name))
            .find_map(|(name, bytes)| Some((bytes?, Some(name))))
            .unwrap_or((self.plain, None))
    }

    fn is_known(&self, request: &HeaderMap) -> bool {
        let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        // a proxy that compresses weakens the tag
        tags.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == self.tag)
    }
}

/// Whether a content coding is named and not refused.
fn takes(request: &HeaderMap, coding: &str) -> bool {
    let lists = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSET: Asset = Asset {
        path: "assets/x-1a2b.js",
        content_type: "text/javascript",
        tag: "\"1a2b\"",
        plain: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };

    fn request(headers: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn coding(accepted: &'static str) -> Option<&'static str> {
        ASSET.form(&request(&[(header::ACCEPT_ENCODING, accepted)])).1
    }

    #[test]
    fn the_smallest_form_that_the_client_takes_is_sent() {
        assert_eq!(coding("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(coding("gzip;q=0.5, br;q=0"), Some("gzip"));
        assert_eq!(coding("BR; q=1"), Some("br"));
        assert_eq!(coding("brotli, identity"), None);
        assert_eq!(coding(""), None);
        let binary = Asset { brotli: None, gzip: None, ..ASSET };
        assert_eq!(binary.form(&request(&[(header::ACCEPT_ENCODING, "br")])), (&b"plain"[..], None));
    }

    #[test]
    fn a_hashed_name_is_kept_and_the_page_is_asked_for() {
        let caching =
            |asset: &Asset| asset.answer(&HeaderMap::new()).headers()[header::CACHE_CONTROL].clone();
        assert_eq!(caching(&ASSET), FOR_EVER);
        assert_eq!(caching(&Asset { path: PAGE, ..ASSET }), "no-cache");
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let answer = |tags| ASSET.answer(&request(&[(header::IF_NONE_MATCH, tags)]));
        assert_eq!(answer("\"other\", W/\"1a2b\"").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer("\"other\"").status(), StatusCode::OK);
    }
}
