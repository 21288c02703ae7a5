//! Forgetting in steps, each in a transaction of its own between those that store events.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use vibetea_protocol::EventId;
use vibetea_protocol::event::InvalidId;

use super::ids::Ids;
use super::reader::invalid;
use crate::store::Forgotten;
use crate::store::forget::Cut;

const MARK: &str = "UPDATE forgotten SET through = max(through, ?1), counts = max(counts, ?2), newest = ?3";
const OLDEST: &str = "SELECT seq, id, source, type FROM event INDEXED BY event_ts_source
    WHERE ts < ?1 ORDER BY ts LIMIT ?2";
const DELETE_EVENT: &str = "DELETE FROM event WHERE seq = ?1";
const DELETE_ID: &str = "DELETE FROM event_id WHERE id = ?1";
const TAKE_OFF: &str = "UPDATE tally SET count = count - ?3 WHERE source = ?1 AND type = ?2";
const OLD_SESSIONS: &str =
    "SELECT id FROM session INDEXED BY session_last WHERE last < ?1 ORDER BY last LIMIT ?2";
const DELETE_SESSION: [&str; 4] = [
    "DELETE FROM session_quarter WHERE session = ?1",
    "DELETE FROM session_tool WHERE session = ?1",
    "DELETE FROM session_agent WHERE session = ?1",
    "DELETE FROM session WHERE id = ?1",
];
/// A session has a row for each quarter of an hour, tool and agent: fewer of them make a step of the same length.
const ROWS_PER_SESSION: i64 = 20;

/// Takes one step. After an error the ids have to be read anew.
pub(super) fn forget(connection: &mut Connection, ids: &mut Ids, cut: Cut) -> rusqlite::Result<Forgotten> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.prepare_cached(MARK)?.execute((cut.events, cut.counts, ids.next_seq - 1))?;
    let mut done = Forgotten::default();
    let gone = events(&transaction, cut)?;
    done.events = gone.len() as u64;
    let most_sessions = (cut.most / ROWS_PER_SESSION).max(1);
    if done.events < cut.most.unsigned_abs() {
        done.sessions = sessions(&transaction, cut.events, most_sessions)?;
        done.counts = counts(&transaction, cut)?;
    }
    let is_full = |count: u64, most: i64| count >= most.unsigned_abs();
    done.has_more = is_full(done.events, cut.most)
        || is_full(done.sessions, most_sessions)
        || is_full(done.counts, cut.most);
    transaction.commit()?;
    ids.forgot(cut.events, &gone);
    Ok(done)
}

fn events(transaction: &Transaction<'_>, cut: Cut) -> rusqlite::Result<Vec<EventId>> {
    let mut ids = Vec::new();
    let mut places = Vec::new();
    let mut types = BTreeMap::<(i64, i64), i64>::new();
    {
        let mut select = transaction.prepare_cached(OLDEST)?;
        let mut rows = select.query((cut.events, cut.most))?;
        while let Some(row) = rows.next()? {
            places.push(row.get::<_, i64>(0)?);
            let id = EventId::from_key(row.get_ref(1)?.as_str()?);
            ids.push(id.ok_or_else(|| invalid(1, InvalidId))?);
            *types.entry((row.get(2)?, row.get(3)?)).or_default() += 1;
        }
    }
    // in the order of their tables, so that a page is touched once
    places.sort_unstable();
    ids.sort_unstable();
    let mut delete = transaction.prepare_cached(DELETE_EVENT)?;
    places.iter().try_for_each(|place| delete.execute([place]).map(|_| ()))?;
    let mut delete = transaction.prepare_cached(DELETE_ID)?;
    ids.iter().try_for_each(|id| delete.execute([id.key()]).map(|_| ()))?;
    let mut take_off = transaction.prepare_cached(TAKE_OFF)?;
    for ((source, kind), count) in types {
        take_off.execute((source, kind, count))?;
    }
    if !ids.is_empty() {
        transaction.prepare_cached("DELETE FROM tally WHERE count <= 0")?.execute([])?;
    }
    Ok(ids)
}

/// Of those that ended before `before`.
fn sessions(transaction: &Transaction<'_>, before: i64, most: i64) -> rusqlite::Result<u64> {
    let numbers: Vec<i64> = {
        let mut select = transaction.prepare_cached(OLD_SESSIONS)?;
        let rows = select.query_map((before, most), |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    for statement in DELETE_SESSION {
        let mut delete = transaction.prepare_cached(statement)?;
        numbers.iter().try_for_each(|number| delete.execute([number]).map(|_| ()))?;
    }
    Ok(numbers.len() as u64)
}

/// Of one table in a step.
fn counts(transaction: &Transaction<'_>, cut: Cut) -> rusqlite::Result<u64> {
    if cut.counts == 0 {
        return Ok(0);
    }
    for (table, slot) in cut.count_tables() {
        let deleted = transaction.prepare_cached(&table.delete(["?1", "?2"]))?.execute((slot, cut.most))?;
        if deleted > 0 {
            return Ok(deleted as u64);
        }
    }
    Ok(0)
}
