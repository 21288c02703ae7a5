//! Checksums over rows: a damaged value is found when the store is opened, before it is believed.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// Hash of the parts in their order, none of which can run into its neighbour.
pub(super) fn seal(parts: &[&[u8]]) -> i64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    // room for the needs that are added to an outbox row's seal
    i64::from_le_bytes(first) >> 3
}

/// Hash of integers.
pub(super) fn seal_numbers(text: &[&str], numbers: &[i64]) -> i64 {
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut parts: Vec<&[u8]> = text.iter().map(|text| text.as_bytes()).collect();
    parts.push(&numbers);
    seal(&parts)
}

/// Lets SQL on this connection call [`seal_numbers`] as `seal(…)`: texts and integers, each in their order.
pub(super) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("seal", -1, flags, |context| {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for index in 0..context.len() {
            match context.get_raw(index) {
                ValueRef::Integer(number) => numbers.push(number),
                value => texts.push(value.as_str()?),
            }
        }
        Ok(seal_numbers(&texts, &numbers))
    })
}
