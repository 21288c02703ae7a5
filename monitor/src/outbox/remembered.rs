//! The part of a turn that the interpreter remembers things with, across lines and files.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vibetea_protocol::names::{BaseName, SessionId};

use super::seal::seal_numbers;
use super::turn::{parse, to_json};
use super::{OutboxError, Turn};
use crate::identity::{CallKey, NaturalKey};
use crate::interpret::{Call, WaitingResult};

/// What a turn need not ask the store for: most results come a line after their call, and hardly any before it.
#[derive(Default)]
pub(super) struct Recent {
    /// Calls that were remembered in this turn.
    calls: HashMap<CallKey, Call>,
    /// Whether any result waits for its call, once that was asked.
    waiting: Option<bool>,
}

impl Turn<'_> {
    /// A remembered call.
    pub fn call(&mut self, key: CallKey) -> Result<Option<Call>, OutboxError> {
        match self.recent.calls.get(&key) {
            Some(call) => Ok(Some(call.clone())),
            None => self.remembered("SELECT value FROM call WHERE key = ?1", key),
        }
    }

    /// Remembers a call, in place of an earlier one under the same key.
    pub fn remember_call(&mut self, key: CallKey, call: &Call) -> Result<(), OutboxError> {
        self.remember(
            "INSERT OR REPLACE INTO call (key, remembered, value, seal) VALUES (?1, ?2, ?3, ?4)",
            key,
            call,
        )?;
        self.recent.calls.insert(key, call.clone());
        Ok(())
    }

    /// Remembers a call unless there is one under the same key; whether there was none.
    pub fn remember_new_call(&mut self, key: CallKey, call: &Call) -> Result<bool, OutboxError> {
        let inserted = self.remember(
            "INSERT INTO call (key, remembered, value, seal) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            key,
            call,
        )?;
        if inserted == 1 {
            self.recent.calls.insert(key, call.clone());
        }
        Ok(inserted == 1)
    }

    /// A result that waits for its call.
    pub fn waiting_result(&mut self, key: CallKey) -> Result<Option<WaitingResult>, OutboxError> {
        if !self.any_result_waits()? {
            return Ok(None);
        }
        self.remembered("SELECT value FROM waiting_result WHERE key = ?1", key)
    }

    fn any_result_waits(&mut self) -> Result<bool, OutboxError> {
        if let Some(known) = self.recent.waiting {
            return Ok(known);
        }
        let any = self
            .transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM waiting_result)")?
            .query_row([], |row| row.get(0))?;
        self.recent.waiting = Some(any);
        Ok(any)
    }

    /// Lets a result wait for its call.
    pub fn remember_result(&mut self, key: CallKey, result: &WaitingResult) -> Result<(), OutboxError> {
        self.recent.waiting = Some(true);
        self.remember(
            "INSERT OR REPLACE INTO waiting_result (key, remembered, value, seal) VALUES (?1, ?2, ?3, ?4)",
            key,
            result,
        )?;
        Ok(())
    }

    /// Forgets a waiting result.
    pub fn forget_result(&mut self, key: CallKey) -> Result<(), OutboxError> {
        self.transaction
            .prepare_cached("DELETE FROM waiting_result WHERE key = ?1")?
            .execute([key.as_i64()])?;
        Ok(())
    }

    /// Whether the key is asked about for the first time ever.
    pub fn first_sight(&mut self, key: NaturalKey) -> Result<bool, OutboxError> {
        let inserted = self
            .transaction
            .prepare_cached("INSERT INTO seen (key) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([key.as_i64()])?;
        Ok(inserted == 1)
    }

    /// A session's project, if one is known.
    pub fn session_project(&mut self, session: &SessionId) -> Result<Option<BaseName>, OutboxError> {
        let project: Option<String> = self
            .transaction
            .prepare_cached("SELECT project FROM session_project WHERE session = ?1")?
            .query_row([session.as_str()], |row| row.get(0))
            .optional()?;
        Ok(project.and_then(|project| BaseName::new(&project)))
    }

    /// Remembers a session's project.
    pub fn remember_project(&mut self, session: &SessionId, project: &BaseName) -> Result<(), OutboxError> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO session_project (session, project, seal) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![
                session.as_str(),
                project.as_str(),
                seal_project(session.as_str(), project.as_str())
            ])?;
        Ok(())
    }

    fn remembered<V: DeserializeOwned>(&self, sql: &str, key: CallKey) -> Result<Option<V>, OutboxError> {
        let value = self
            .transaction
            .prepare_cached(sql)?
            .query_row([key.as_i64()], |row| Ok(parse(row.get_ref(0)?.as_str()?)))
            .optional()?;
        value.transpose()
    }

    /// The number of rows that were written.
    fn remember<V: Serialize>(&self, sql: &str, key: CallKey, value: &V) -> Result<usize, OutboxError> {
        let value = to_json(value)?;
        let remembered = self.now.as_micros();
        let seal = seal_numbers(&[&value], &[key.as_i64(), remembered]);
        Ok(self.transaction.prepare_cached(sql)?.execute(params![key.as_i64(), remembered, value, seal])?)
    }
}

fn seal_project(session: &str, project: &str) -> i64 {
    seal_numbers(&[session, project], &[])
}

/// Whether every call and result is what was put there.
pub(super) fn seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    for table in ["call", "waiting_result"] {
        let mut statement =
            connection.prepare(&format!("SELECT value, key, remembered, seal FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let expected = seal_numbers(&[row.get_ref(0)?.as_str()?], &[row.get(1)?, row.get(2)?]);
            if expected != row.get::<_, i64>(3)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether every session's project is what was put there.
pub(super) fn project_seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("SELECT session, project, seal FROM session_project")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if seal_project(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?) != row.get::<_, i64>(2)? {
            return Ok(false);
        }
    }
    Ok(true)
}
