//! Answers to readers, each from kept counts or one index, so that none costs more for a larger history.

mod breakdowns;
mod counts;
mod edges;
mod events;
mod scan;
mod sessions;
mod slots;

use super::SourceFilter;
use super::tables::{ReadError, Tables};

pub(super) use breakdowns::breakdowns;
pub(super) use counts::counts;
pub(super) use events::events;
pub(super) use sessions::{session, sessions};

/// A filter on sources, in the numbers of the database.
#[derive(Debug, Clone, Copy, Default)]
enum Wanted {
    #[default]
    All,
    One(i64),
}

impl Wanted {
    /// None where no event can match.
    fn find(tables: Tables<'_>, filter: &SourceFilter) -> Result<Option<Self>, ReadError> {
        Ok(match filter {
            SourceFilter::All => Some(Self::All),
            SourceFilter::One(name) => tables.source_id(name)?.map(Self::One),
        })
    }

    fn admits(self, source: i64) -> bool {
        match self {
            Self::All => true,
            Self::One(wanted) => wanted == source,
        }
    }

    /// For a statement where NULL stands for all.
    fn number(self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::One(number) => Some(number),
        }
    }
}
