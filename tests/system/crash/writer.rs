//! Many sessions that write at once, as agents do: a line here, half a line there.

use std::collections::BTreeMap;
use std::path::Path;

use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::dice::Dice;
use vibetea_tests::oracle::Natural;
use vibetea_tests::transcript::{Appender, Session};

struct Desk {
    session: Session,
    file: Appender,
    /// The rest of a line whose first half is in the file.
    rest: Vec<u8>,
    /// Sessions that happened a quarter of an hour ago take the batch route.
    age_micros: i64,
}

/// See the module.
pub(super) struct Writer {
    desks: Vec<Desk>,
    /// What must come of everything that was written.
    pub(super) expected: BTreeMap<Natural, Timestamp>,
}

impl Writer {
    pub(super) fn new(claude: &Path, files: u32) -> Self {
        let desks = (0..files).map(|number| {
            let session = Session::new(number, &format!("shop{}", number % 5));
            let file = Appender::open(&session.path(claude));
            let age_micros = if number % 2 == 0 { 0 } else { MICROS_PER_QUARTER };
            Desk { session, file, rest: Vec::new(), age_micros }
        });
        Self { desks: desks.collect(), expected: BTreeMap::new() }
    }

    /// Writes the next line of some session; one in eight only up to some byte, the rest at its next turn.
    pub(super) fn line(&mut self, dice: &mut Dice) {
        let at = usize::try_from(dice.below(u64::try_from(self.desks.len()).unwrap_or(1))).unwrap_or(0);
        let desk = &mut self.desks[at];
        let now = Clock::System.now();
        let said = Timestamp::from_micros(now.as_micros() - desk.age_micros).unwrap_or(now);
        let line = desk.session.next_line(said);
        self.expected.extend(line.events);
        let mut bytes = std::mem::take(&mut desk.rest);
        bytes.extend_from_slice(line.text.as_bytes());
        bytes.push(b'\n');
        if dice.once_in(8) {
            let cut = usize::try_from(dice.below(line.text.len() as u64)).unwrap_or(0);
            desk.rest = bytes.split_off(bytes.len() - cut);
        }
        desk.file.write(&bytes);
    }

    /// Writes what is held back.
    pub(super) fn finish(&mut self) {
        for desk in &mut self.desks {
            desk.file.write(&std::mem::take(&mut desk.rest));
        }
    }
}
