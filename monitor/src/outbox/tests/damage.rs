//! A thousand ways to damage the store (some of them in the short form): it is believed whole or not at all.

use std::fs;
use std::time::{Duration, Instant};

use super::is_soak;
use super::small_reader::{contradictions, deliver, open_with, payload, read_to};
use super::*;

const LINES: u64 = 60;
const DELIVERED: u64 = 20;
const PAGE: usize = 4096;
const OPENS_WITHIN: Duration = Duration::from_secs(30);

/// xorshift64*: the same damages on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit.max(1) as u64).unwrap()
    }
}

/// In memory where the system has a place for it: a thousand stores are made.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The files of a store in which some lines were read and some of their events delivered: database and log. `in_one_file`
/// says whether everything was moved from the log into the database.
fn store(in_one_file: bool) -> (Vec<u8>, Vec<u8>) {
    let folder = quick_folder();
    let outbox = open(folder.path());
    for line in 1..=LINES {
        read_to(&outbox, line, None).unwrap();
        if line == LINES / 2 {
            deliver(&outbox, usize::try_from(DELIVERED).unwrap(), |_| {}).unwrap();
        }
    }
    if in_one_file {
        drop(outbox);
        return (fs::read(folder.path().join("outbox.db")).unwrap(), Vec::new());
    }
    // while it is open, as a killed monitor leaves it
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    (read("outbox.db"), read("outbox.db-wal"))
}

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(6) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes.truncate(at),
        2 => {
            let until = (at + 512).min(bytes.len());
            bytes[at..until].fill(0);
        }
        3 => {
            let (one, other) = (dice.below(bytes.len() / PAGE), dice.below(bytes.len() / PAGE));
            for byte in 0..PAGE {
                bytes.swap(one * PAGE + byte, other * PAGE + byte);
            }
        }
        4 => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
        _ => {
            if dice.below(8) == 0 {
                bytes.clear();
            } else {
                let until = (at + 1 + dice.below(16)).min(bytes.len());
                bytes[at..until].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
            }
        }
    }
}

/// Database and log of a store, one of them damaged.
fn damaged((database, log): &(Vec<u8>, Vec<u8>), dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let (mut database, mut log) = (database.clone(), log.clone());
    let in_log = !log.is_empty() && dice.below(2) == 0;
    damage(if in_log { &mut log } else { &mut database }, dice);
    (database, log)
}

fn laid_out((database, log): &(Vec<u8>, Vec<u8>)) -> tempfile::TempDir {
    let folder = quick_folder();
    fs::write(folder.path().join("outbox.db"), database).unwrap();
    if !log.is_empty() {
        fs::write(folder.path().join("outbox.db-wal"), log).unwrap();
    }
    folder
}

/// Planted bug: whether a monitor that believes whatever `SQLite` can read would lose or change something.
fn is_believed_wrongly(folder: &Path) -> bool {
    let read = || -> rusqlite::Result<bool> {
        let connection = Connection::open(folder.join("outbox.db"))?;
        let offset: u64 =
            connection.query_row("SELECT coalesce(max(offset), 0) FROM file", [], |row| row.get(0))?;
        let mut statement = connection.prepare("SELECT id, payload FROM outbox WHERE live = 1")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut waiting = BTreeSet::new();
        for row in rows {
            let (id, text) = row?;
            let number = id.parse().unwrap_or(u64::MAX);
            if text != payload(number) {
                return Ok(true);
            }
            waiting.insert(number);
        }
        Ok((1..=offset).any(|line| line > DELIVERED && !waiting.contains(&line)))
    };
    read().unwrap_or(false)
}

#[test]
fn a_damaged_store_is_believed_whole_or_set_aside_and_everything_is_read_again() {
    let stores = [store(true), store(false)];
    let delivered: BTreeSet<u64> = (1..=DELIVERED).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut set_aside, mut believed_wrongly) = (0, 0);
    let damages = if is_soak() { 1000 } else { 400 };
    for round in 0..damages {
        let broken = damaged(&stores[usize::try_from(round % 2).unwrap()], &mut dice);
        believed_wrongly += u64::from(is_believed_wrongly(laid_out(&broken).path()));
        let folder = laid_out(&broken);
        let folder = folder.path();
        let start = Instant::now();
        let outbox = open_with(folder, None).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(start.elapsed() < OPENS_WITHIN, "round {round}: {:?}", start.elapsed());
        assert_eq!(contradictions(&outbox, &delivered), [] as [&str; 0], "round {round}");
        set_aside += u64::from(outbox.files().unwrap().is_empty());
        // reading and sending go on, and the server has what it would have had
        let mut server = delivered.clone();
        read_to(&outbox, LINES, None).unwrap();
        deliver(&outbox, usize::MAX, |number| {
            server.insert(number);
        })
        .unwrap();
        assert_eq!(server, (1..=LINES).collect(), "round {round}");
    }
    println!("{set_aside} stores were begun again, {believed_wrongly} would have been believed wrongly");
    assert!((damages / 10..damages).contains(&set_aside), "{set_aside}");
    // few damages are of the kind that only a seal shows
    let shows = |round: usize| {
        let broken = damaged(&stores[round % 2], &mut dice);
        is_believed_wrongly(laid_out(&broken).path())
    };
    assert!(
        believed_wrongly > 0 || (0..10_000).any(shows),
        "the check sees a monitor that believes damaged values"
    );
}
