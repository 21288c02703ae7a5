//! Answers to readers, each from kept counts or one index, so that none costs more for a larger history.

mod breakdowns;
mod counts;
mod edges;
mod events;
mod scan;
mod sessions;
mod slots;
mod totals;

use super::SourceFilter;
use super::tables::{ReadError, Tables};

pub(super) use breakdowns::breakdowns;
pub(super) use counts::counts;
pub(super) use events::events;
pub(super) use sessions::{session, sessions};
pub(super) use totals::totals;

/// A filter on sources, in the numbers of the database.
#[derive(Debug, Clone, Default)]
enum Wanted {
    #[default]
    All,
    One(i64),
    /// In order.
    Among(Vec<i64>),
}

impl Wanted {
    /// None where no event can match.
    fn find(tables: Tables<'_>, filter: &SourceFilter) -> Result<Option<Self>, ReadError> {
        Ok(match filter {
            SourceFilter::All => Some(Self::All),
            SourceFilter::One(name) => tables.source_id(name)?.map(Self::One),
            SourceFilter::Among(names) => {
                let mut numbers = Vec::new();
                for name in names.iter() {
                    numbers.extend(tables.source_id(name)?);
                }
                numbers.sort_unstable();
                Some(numbers).filter(|numbers| !numbers.is_empty()).map(Self::Among)
            }
        })
    }

    fn admits(&self, source: i64) -> bool {
        match self {
            Self::All => true,
            Self::One(wanted) => *wanted == source,
            Self::Among(wanted) => wanted.binary_search(&source).is_ok(),
        }
    }

    /// For a statement where NULL stands for all, or for several, which [`Self::several`] names.
    fn number(&self) -> Option<i64> {
        match self {
            Self::All | Self::Among(_) => None,
            Self::One(number) => Some(*number),
        }
    }

    /// For a statement where NULL stands for all, or for one, which [`Self::number`] names.
    fn several(&self) -> Option<&[i64]> {
        match self {
            Self::All | Self::One(_) => None,
            Self::Among(numbers) => Some(numbers),
        }
    }
}
