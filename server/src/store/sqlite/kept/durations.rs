//! Adding histograms of durations in the database.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use crate::store::kept::Durations;

/// Lets upserts of this connection say `merge_durations(kept, new)`.
pub(in crate::store::sqlite) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("merge_durations", 2, flags, |context| {
        let blob = |at| match context.get_raw(at) {
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        };
        Ok(match (blob(0), blob(1)) {
            (Some(kept), Some(new)) => Some(Durations::merged(kept, new)),
            (one, other) => one.or(other).map(<[u8]>::to_vec),
        })
    })
}
