//! What readers ask of a store, and what it answers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use vibetea_protocol::api::{
    CountBucket, HourOfWeek, ProjectCount, Session, SessionState, SourceCount, StoredEvent, ToolBreakdown,
    TypeCount,
};
use vibetea_protocol::event::EventId;
use vibetea_protocol::{EventType, Timestamp};

/// Whose events a reader is shown. Every question carries one, so that a reader who may see some sources alone
/// is bounded in this one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SourceFilter {
    /// Everybody's.
    #[default]
    All,
    /// One source's.
    One(String),
    /// Those of several sources, or of none.
    Among(Arc<BTreeSet<String>>),
}

impl SourceFilter {
    /// Those of these sources.
    pub fn among(sources: impl IntoIterator<Item = String>) -> Self {
        let mut sources: BTreeSet<String> = sources.into_iter().collect();
        match (sources.pop_first(), sources.is_empty()) {
            (Some(one), true) => Self::One(one),
            (first, _) => {
                sources.extend(first);
                Self::Among(Arc::new(sources))
            }
        }
    }

    /// Whether events of this source are shown.
    pub fn admits(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(wanted) => wanted == source,
            Self::Among(wanted) => wanted.contains(source),
        }
    }

    /// What a reader who asks for these is shown where nothing beyond `scope` may be.
    #[must_use]
    pub fn within(self, scope: &Self) -> Self {
        match (self, scope) {
            (asked, Self::All) => asked,
            (Self::All, scope) => scope.clone(),
            (Self::One(asked), scope) if scope.admits(&asked) => Self::One(asked),
            (Self::One(_), _) => Self::among([]),
            (Self::Among(asked), scope) => {
                Self::among(asked.iter().filter(|source| scope.admits(source)).cloned())
            }
        }
    }

    /// The names, in order; none where everybody's events are shown.
    pub fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::One(name) => Some(vec![name.clone()]),
            Self::Among(names) => Some(names.iter().cloned().collect()),
        }
    }
}

/// From a moment on, that moment included, to another one, that moment excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: i64,
    to: i64,
}

/// Behind the last moment an event can have.
const END: i64 = 253_402_300_800_000_000;

impl Range {
    /// Between two moments; without one, from the first event or up to the last.
    pub fn new(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let from = from.map_or(0, Timestamp::as_micros);
        let to = to.map_or(END, Timestamp::as_micros);
        Self { from, to: to.max(from) }
    }

    /// The first microsecond since 1970 that is in.
    pub fn from_micros(self) -> i64 {
        self.from
    }

    /// The first microsecond since 1970 that is out again.
    pub fn to_micros(self) -> i64 {
        self.to
    }

    /// Whether the moment is in.
    pub fn contains(self, micros: i64) -> bool {
        (self.from..self.to).contains(&micros)
    }
}

/// Which events are wanted; each given filter must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Whose.
    pub sources: SourceFilter,
    /// Whose payload names this project.
    pub project: Option<String>,
    /// Tool events whose payload names this tool.
    pub tool: Option<String>,
    /// Of this type.
    pub event_type: Option<EventType>,
    /// Whose payload names this session.
    pub session: Option<String>,
}

impl EventFilter {
    /// Whether any event matches.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A place between two events in their order by time and id; opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub(super) micros: i64,
    /// Empty before all events of that moment.
    pub(super) key: String,
}

impl Position {
    /// Before all events of a range.
    pub fn start_of(range: Range) -> Self {
        Self { micros: range.from_micros(), key: String::new() }
    }
}

/// The text is no cursor of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.micros, self.key)
    }
}

impl FromStr for Position {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (micros, key) = text.split_once('-').ok_or(InvalidCursor)?;
        let micros = digits(micros).filter(|micros| *micros <= END).ok_or(InvalidCursor)?;
        if !key.is_empty() && EventId::from_key(key).is_none() {
            return Err(InvalidCursor);
        }
        Ok(Self { micros, key: key.to_owned() })
    }
}

/// A number of at most 18 digits and nothing else.
fn digits(text: &str) -> Option<i64> {
    let plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Where a page of events lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The newest events.
    Newest,
    /// What is older.
    Before(Position),
    /// What is newer, as near as can be.
    After(Position),
}

/// A page of events.
#[derive(Debug, Clone)]
pub struct EventsQuestion {
    /// Which events.
    pub filter: EventFilter,
    /// Within which time.
    pub range: Range,
    /// Where the page lies.
    pub side: Side,
    /// Most events.
    pub limit: usize,
}

/// See [`EventsQuestion`].
#[derive(Debug, Clone)]
pub struct EventsAnswer {
    /// Newest first.
    pub events: Vec<StoredEvent>,
    /// Where to go on towards the past.
    pub older: Option<Position>,
    /// Where to go on towards the present.
    pub newer: Option<Position>,
}

/// A place in the list of sessions by latest event; opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPosition {
    pub(super) last: i64,
    pub(super) number: i64,
}

impl fmt::Display for SessionPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.last, self.number)
    }
}

impl FromStr for SessionPosition {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (last, number) = text.split_once('-').ok_or(InvalidCursor)?;
        let last = digits(last).filter(|last| *last <= END).ok_or(InvalidCursor)?;
        Ok(Self { last, number: digits(number).ok_or(InvalidCursor)? })
    }
}

/// A page of sessions.
#[derive(Debug, Clone)]
pub struct SessionsQuestion {
    /// Whose.
    pub sources: SourceFilter,
    /// Of this project.
    pub project: Option<String>,
    /// With an event in this range.
    pub range: Range,
    /// In this state.
    pub state: Option<SessionState>,
    /// Most sessions.
    pub limit: usize,
    /// After this place in the list.
    pub before: Option<SessionPosition>,
    /// What states are told by.
    pub now: Timestamp,
}

/// See [`SessionsQuestion`].
#[derive(Debug, Clone)]
pub struct SessionsAnswer {
    /// Latest event first.
    pub sessions: Vec<Session>,
    /// Where to go on.
    pub older: Option<SessionPosition>,
}

/// Events by tool, project, source and type.
#[derive(Debug, Clone)]
pub struct BreakdownsQuestion {
    /// Whose.
    pub sources: SourceFilter,
    /// Of this project.
    pub project: Option<String>,
    /// Within which time.
    pub range: Range,
}

/// See [`BreakdownsQuestion`].
#[derive(Debug, Clone, Default)]
pub struct BreakdownsAnswer {
    /// By tool.
    pub tools: Vec<ToolBreakdown>,
    /// By project.
    pub projects: Vec<ProjectCount>,
    /// By source.
    pub sources: Vec<SourceCount>,
    /// By type.
    pub types: Vec<TypeCount>,
    /// All of them.
    pub total: u64,
}

/// Events by hour, day or hour of the week.
#[derive(Debug, Clone)]
pub struct CountsQuestion {
    /// Whose.
    pub sources: SourceFilter,
    /// Within which time.
    pub range: Range,
    /// Whether sources are told apart.
    pub split: bool,
}

/// See [`CountsQuestion`]. One of the two lists is there, by what the calendar counts.
#[derive(Debug, Clone)]
pub struct CountsAnswer {
    /// Hours or days.
    pub counts: Option<Vec<CountBucket>>,
    /// Hours of the week.
    pub hours_of_week: Option<Vec<HourOfWeek>>,
    /// All events.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_shown_nothing_beyond_the_scope() {
        let among = |names: &[&str]| SourceFilter::among(names.iter().map(|name| (*name).to_owned()));
        let scope = among(&["a", "b"]);
        assert_eq!(SourceFilter::All.within(&scope), scope);
        assert_eq!(among(&["a"]).within(&scope), SourceFilter::One("a".to_owned()));
        assert_eq!(among(&["c"]).within(&scope), among(&[]));
        assert_eq!(among(&["b", "c"]).within(&scope), among(&["b"]));
        assert_eq!(among(&["b", "c"]).within(&SourceFilter::All), among(&["b", "c"]));
        assert!(!among(&[]).admits("a") && !among(&["a"]).admits("A") && among(&["b", "a"]).admits("a"));
        assert_eq!(among(&["b", "a", "b"]).names().unwrap(), ["a", "b"]);
        assert_eq!(SourceFilter::All.names(), None);
    }

    #[test]
    fn cursors_are_read_as_they_are_written_and_nothing_else_is() {
        for text in ["0-", "1770128706789000-0123456789abcdefghij", "253402300800000000-"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in
            ["", "-", "x-", "-1-", "1", "+1-", "1-abc", "253402300800000001-", "1 -", "9999999999999999999-"]
        {
            assert_eq!(text.parse::<Position>(), Err(InvalidCursor), "{text}");
        }
        assert_eq!("17-4".parse::<SessionPosition>().unwrap().to_string(), "17-4");
        for text in ["", "-", "17-", "17", "-1-4", "17--4", "17-4-", "17-x", "253402300800000001-1"] {
            assert_eq!(text.parse::<SessionPosition>(), Err(InvalidCursor), "{text}");
        }
    }
}
