//! The server's question for what transcripts still hold, kept until it is dealt with; and moving events over from the
//! store of the reading that deals with it.

use rusqlite::{Connection, OptionalExtension as _};

use super::queue;
use super::seal::seal_numbers;
use super::{Destination, Needs, Outbox, OutboxError};

/// Numbers of the server's; 0 stands for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question {
    /// The newest one.
    pub asked: i64,
    /// The one that was dealt with.
    pub done: i64,
}

impl Question {
    /// Whether there is something to do.
    pub const fn is_open(self) -> bool {
        self.asked != self.done
    }

    fn seal(self) -> i64 {
        seal_numbers(&[], &[self.asked, self.done])
    }
}

impl Outbox {
    /// The server's question.
    pub fn question(&self) -> Question {
        *self.shared.question.borrow()
    }

    /// Changes with the question.
    pub fn subscribe_question(&self) -> tokio::sync::watch::Receiver<Question> {
        self.shared.question.subscribe()
    }

    /// Keeps the number of the question that the server asks.
    pub fn note_asked(&self, number: i64) -> Result<(), OutboxError> {
        self.change_question(|question| question.asked = number)
    }

    /// Keeps the number of a question that was dealt with; a newer one stays open.
    pub fn note_done(&self, number: i64) -> Result<(), OutboxError> {
        self.change_question(|question| question.done = number)
    }

    fn change_question(&self, change: impl FnOnce(&mut Question)) -> Result<(), OutboxError> {
        let changed = self.change(|transaction, _| {
            let mut question = read(transaction)?;
            change(&mut question);
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO history (one, asked, done, seal) VALUES (1, ?1, ?2, ?3)",
                )?
                .execute([question.asked, question.done, question.seal()])?;
            Ok(question)
        })?;
        self.shared.question.send_replace(changed);
        Ok(())
    }

    /// Takes over up to `most` of another store's waiting events for each destination; how many there were. A crash in
    /// between leaves them in both, with the same ids.
    pub fn take_over(&self, from: &Self, most: usize) -> Result<usize, OutboxError> {
        let mut taken = 0;
        for destination in Destination::ALL {
            let events = from.pending(destination, most, usize::MAX)?;
            if events.is_empty() {
                continue;
            }
            let needs = match destination {
                Destination::Live => Needs::Live,
                Destination::Batch => Needs::Batch,
            };
            self.change(|transaction, change| {
                for event in &events {
                    let about = (event.id, event.timestamp, event.event_type);
                    queue::insert(transaction, about, &event.payload, needs, change)?;
                }
                Ok(())
            })?;
            let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
            from.acknowledge(destination, &seqs, false)?;
            taken += events.len();
        }
        Ok(taken)
    }
}

/// The question that is kept.
pub(super) fn read(connection: &Connection) -> Result<Question, OutboxError> {
    let kept = connection
        .prepare_cached("SELECT asked, done FROM history")?
        .query_row([], |row| Ok(Question { asked: row.get(0)?, done: row.get(1)? }))
        .optional()?;
    Ok(kept.unwrap_or_default())
}

/// Whether the question is what was put there.
pub(super) fn seals_hold(connection: &Connection) -> rusqlite::Result<bool> {
    let kept = connection
        .prepare("SELECT asked, done, seal FROM history")?
        .query_row([], |row| Ok((Question { asked: row.get(0)?, done: row.get(1)? }, row.get::<_, i64>(2)?)))
        .optional()?;
    Ok(kept.is_none_or(|(question, seal)| question.seal() == seal))
}
