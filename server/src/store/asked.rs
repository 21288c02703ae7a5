//! Who was asked to send what their transcripts still hold.

use std::collections::HashMap;

use vibetea_protocol::SourceId;

use super::StoreError;

/// Most sources that are asked by name; who asks more asks all.
pub(super) const MOST: usize = 10_000;

pub(super) fn too_many() -> StoreError {
    StoreError::Unavailable(format!(
        "more than {MOST} sources would be asked by name: ask all by naming none"
    ))
}

/// The numbers that stand for the newest question to all sources and to single ones; 0 where there was none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    all: i64,
    sources: HashMap<String, i64>,
}

impl Asked {
    /// From rows of source and number; the empty source stands for all.
    pub(super) fn of_rows(rows: impl IntoIterator<Item = (String, i64)>) -> Self {
        let mut asked = Self::default();
        for (source, number) in rows {
            if source.is_empty() {
                asked.all = number;
            } else {
                asked.sources.insert(source, number);
            }
        }
        asked
    }

    /// The newest question to a source, 0 where there was none.
    pub fn of(&self, source: &SourceId) -> i64 {
        self.sources.get(source.as_str()).copied().unwrap_or_default().max(self.all)
    }
}
