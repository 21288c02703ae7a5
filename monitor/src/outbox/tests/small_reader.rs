//! A reader in small, with a bug on request: line `k` gives event `k`, and the offset after it is `k`.

use std::collections::BTreeSet;

use super::*;
use crate::tail::Position;

pub(super) const FILE: &str = "p/s.jsonl";

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// The position is kept in a transaction of its own, before the events.
    PositionFirst,
    /// The store does not wait for the disk with each commit.
    NoSync,
}

impl Bug {
    pub(super) const ALL: [Self; 2] = [Self::PositionFirst, Self::NoSync];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::PositionFirst => "position-first",
            Self::NoSync => "no-sync",
        }
    }
}

pub(super) fn payload(line: u64) -> String {
    format!(r#"{{"sessionId":"s","line":{line}}}"#)
}

/// Opens the store as the bug would have it.
pub(super) fn open_with(folder: &Path, bug: Option<Bug>) -> Result<Outbox, OutboxError> {
    let outbox = Outbox::open(folder, &clock())?;
    if bug == Some(Bug::NoSync) {
        outbox.connection().pragma_update(None, "synchronous", "NORMAL")?;
    }
    Ok(outbox)
}

/// Reads the lines up to `line`, which is after those that were read.
pub(super) fn read_to(outbox: &Outbox, line: u64, bug: Option<Bug>) -> Result<(), OutboxError> {
    let from = saved_offset(outbox)?;
    let position = Position { offset: line, ..Position::default() };
    let row = FileRow { position, ..FileRow::default() };
    let add = |turn: &mut Turn<'_>| -> Result<(), OutboxError> {
        for number in from + 1..=line {
            let event = (numbered_id(number), clock().now(), EventType::Activity);
            turn.add_parts(event, &payload(number), Needs::Live)?;
        }
        Ok(())
    };
    if bug == Some(Bug::PositionFirst) {
        outbox.turn(clock().now(), |turn| turn.save_file(FILE, &row, &()))?;
        return outbox.turn(clock().now(), add);
    }
    outbox.turn(clock().now(), |turn| {
        add(turn)?;
        turn.save_file(FILE, &row, &())
    })
}

/// Hands up to `limit` events to a server that keeps them; `before` hears of each before it is acknowledged.
pub(super) fn deliver(outbox: &Outbox, limit: usize, mut before: impl FnMut(u64)) -> Result<(), OutboxError> {
    let events = outbox.pending(Destination::Live, limit, usize::MAX)?;
    for event in &events {
        before(event.id.key().parse().unwrap());
    }
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    outbox.acknowledge(Destination::Live, &seqs, false)
}

pub(super) fn saved_offset(outbox: &Outbox) -> Result<u64, OutboxError> {
    Ok(outbox.files()?.first().map_or(0, |(_, row)| row.position.offset))
}

/// What the store says that cannot be: lines before the saved offset whose event neither waits nor was delivered,
/// and events that are not what was put there.
pub(super) fn contradictions(outbox: &Outbox, delivered: &BTreeSet<u64>) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = BTreeSet::new();
    for event in outbox.pending(Destination::Live, usize::MAX, usize::MAX).unwrap() {
        let number: u64 = event.id.key().parse().unwrap_or(u64::MAX);
        if event.payload != payload(number) {
            found.push(format!("event {number} is changed"));
        }
        waiting.insert(number);
    }
    let offset = saved_offset(outbox).unwrap();
    let lost = (1..=offset).filter(|line| !waiting.contains(line) && !delivered.contains(line));
    found.extend(lost.map(|line| format!("line {line} of {offset} gave nothing")));
    found
}
