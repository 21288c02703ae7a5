//! Parameters of `/api/v1`: each is read by the route's own list, and whatever is wrong is told by name, value and
//! what is allowed.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use vibetea_protocol::{ErrorCode, EventType, Problem, SourceId, Timestamp};

use crate::auth::Viewer;
use crate::store::{Range, SourceFilter};

/// Longest piece of a value that is shown again, in characters.
const SHOWN: usize = 64;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of an address, each known and given once.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map(|pairs| pairs.0)
            .map_err(|_| Problem::new(ErrorCode::InvalidParameter, "The parameters cannot be read"))?;
        for (at, (name, value)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::new(
                    ErrorCode::InvalidParameter,
                    format!("There is no parameter {}; allowed: {}", shown(name), listed(known)),
                ));
            }
            if pairs[..at].iter().any(|(before, _)| before == name) {
                return Err(wrong(name, value, "each parameter once"));
            }
        }
        Ok(Self(pairs))
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A name that must match exactly; an empty one counts as not given.
    pub(super) fn name(&self, name: &str) -> Option<String> {
        self.given(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Whose events are wanted, of those that the viewer may see.
    pub(super) fn sources(&self, viewer: &Viewer) -> Result<SourceFilter, Problem> {
        let Some(source) = self.name("source") else { return Ok(viewer.sources.clone()) };
        if !SourceId::is_valid(&source) {
            return Err(wrong("source", &source, "1 to 128 characters without control characters"));
        }
        Ok(SourceFilter::One(source).within(&viewer.sources))
    }

    /// A value that can be read in one way.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, Problem> {
        self.read(name, allowed, |value| value.parse().ok())
    }

    /// A value as `read` understands it.
    pub(super) fn read<T>(
        &self,
        name: &str,
        allowed: impl fmt::Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.given(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(name, value, allowed))
    }

    /// The type of an event.
    pub(super) fn event_type(&self) -> Result<Option<EventType>, Problem> {
        self.read("type", listed(&EventType::ALL.map(EventType::as_str)), EventType::from_name)
    }

    /// A number from 1 on; `default` where it is not given.
    pub(super) fn limit(&self, most: usize, default: usize) -> Result<usize, Problem> {
        let limit = self.read("limit", format_args!("a whole number from 1 to {most}"), |value| {
            let plain = value.bytes().all(|byte| byte.is_ascii_digit());
            value.parse().ok().filter(|limit| plain && (1..=most).contains(limit))
        })?;
        Ok(limit.unwrap_or(default))
    }

    /// A moment.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.parsed(name, "RFC 3339 with an offset, such as 2026-02-03T14:30:00Z, in the years 1970 to 9999")
    }

    /// A moment that must be given.
    pub(super) fn needed_moment(&self, name: &str) -> Result<Timestamp, Problem> {
        self.moment(name)?.ok_or_else(|| missing(name))
    }

    /// The range from `from` to `to`, each optional, with both ends as they were given.
    pub(super) fn range(&self) -> Result<(Range, Option<Timestamp>, Option<Timestamp>), Problem> {
        let (from, to) = (self.moment("from")?, self.moment("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(wrong("to", &to.to_string(), format_args!("a moment not before from, {from}")));
        }
        Ok((Range::new(from, to), from, to))
    }
}

/// A parameter holds a value that is not allowed.
pub(super) fn wrong(name: &str, value: &str, allowed: impl fmt::Display) -> Problem {
    Problem::new(
        ErrorCode::InvalidParameter,
        format!("The parameter {name} holds {}; allowed: {allowed}", shown(value)),
    )
}

fn missing(name: &str) -> Problem {
    Problem::new(ErrorCode::InvalidParameter, format!("The parameter {name} is needed and is missing"))
}

fn shown(value: &str) -> String {
    let plain: String = value.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    let more = if value.chars().count() > SHOWN { "…" } else { "" };
    format!("'{plain}{more}'")
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
