//! Numbers of the projects and tools of a source, of which only so many are told apart.

use std::collections::HashMap;
use std::sync::Arc;

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Kind {
    Project = 0,
    Tool = 1,
}

impl Kind {
    /// How many a source may have.
    const fn most(self) -> usize {
        match self {
            Self::Project => 1000,
            Self::Tool => 200,
        }
    }
}

/// Stands for what exceeds the bounds.
pub(in crate::store) const OTHER: &str = "other";
/// Longer names are not kept, in bytes.
const LONGEST: usize = 256;
/// Names that are remembered, of all sources together; without authentication anybody may invent sources.
const REMEMBERED: usize = 65_536;

/// A name as it is kept.
pub(in crate::store) fn kept(text: &str) -> &str {
    if text.len() > LONGEST { OTHER } else { text }
}

/// The writer's memory of names.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    of: HashMap<(i64, Kind), HashMap<Arc<str>, i64>>,
    remembered: usize,
}

/// What the memory knows of a name.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Known<'a> {
    /// Its number. 0 stands for no name.
    Number(i64),
    /// It has none yet and is to get one as this text, which is [`OTHER`] where the bounds are reached.
    New(&'a str),
    /// The names of this source and kind have to be told first, by [`Names::load`].
    NotLoaded,
}

impl Names {
    /// Looks a name up.
    pub(in crate::store) fn known<'a>(&self, source: i64, kind: Kind, text: &'a str) -> Known<'a> {
        if text.is_empty() {
            return Known::Number(0);
        }
        let text = kept(text);
        let Some(known) = self.of.get(&(source, kind)) else { return Known::NotLoaded };
        if let Some(number) = known.get(text) {
            return Known::Number(*number);
        }
        let text = if known.len() < kind.most() { text } else { OTHER };
        known.get(text).map_or(Known::New(text), |number| Known::Number(*number))
    }

    /// Tells all names that a source has of a kind.
    pub(in crate::store) fn load(&mut self, source: i64, kind: Kind, names: HashMap<Arc<str>, i64>) {
        self.remembered += names.len() + 1;
        self.of.insert((source, kind), names);
    }

    /// Tells the number that a new name got.
    pub(in crate::store) fn put(&mut self, source: i64, kind: Kind, text: &str, number: i64) {
        if self.of.entry((source, kind)).or_default().insert(text.into(), number).is_none() {
            self.remembered += 1;
        }
    }

    /// Forgets everything once it is too much. For the begin of a transaction: within one, what was told stays known.
    pub(in crate::store) fn bound(&mut self) {
        if self.remembered > REMEMBERED {
            self.forget();
        }
    }

    /// A number given out in a transaction that was rolled back is nobody's.
    pub(in crate::store) fn forget(&mut self) {
        self.of.clear();
        self.remembered = 0;
    }
}
