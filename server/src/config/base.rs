//! The path below which everything is served, for a server that shares its name with others behind a proxy.

use std::fmt;

/// What a base path may be.
pub(super) const BASE_ALLOWED: &str =
    "a path such as /tea or /tools/tea: segments of letters, digits, '-', '_', '.' and '~'";
const LONGEST: usize = 200;

/// Nothing, or `/` and segments without a `/` at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Reads a path; one `/` at its end is passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return (text == "/").then(Self::default);
        }
        let is_plain = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
        };
        let plain = text.len() <= LONGEST && path.strip_prefix('/')?.split('/').all(is_plain);
        plain.then(|| Self(path.to_owned()))
    }

    /// The path; empty where everything is served from the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_segments() {
        let read = |text| BasePath::parse(text).map(|path| path.to_string());
        for (text, path) in
            [("/", ""), ("/tea", "/tea"), ("/tea/", "/tea"), ("/a/b-c/d_e.f~", "/a/b-c/d_e.f~")]
        {
            assert_eq!(read(text).as_deref(), Some(path), "{text}");
        }
        let long = format!("/{}", "x".repeat(200));
        for text in [
            "", "tea", "//", "/tea//", "/a//b", "/..", "/a/../b", "/./a", "/a b", "/%74", "/ü", "/a?b",
            "/{a}", "/*a", &long,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
