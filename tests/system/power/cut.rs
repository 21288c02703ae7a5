//! The power goes while batches are under way.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vibetea_testkit::Disk;
use vibetea_tests::dice::Dice;
use vibetea_tests::wait::until_so;

use super::site::{LONG, Site};

/// Room for a log that grows until it is moved under load.
const DISK: u64 = 512 << 20;
/// After so many batches there is enough in the log for it to be moved in a quiet moment.
const WORTH_MOVING: u64 = 40;
/// Without batches for so long a server moves what is worth it.
const PAUSE: Duration = Duration::from_secs(2);
/// A move that has begun has ended after so long.
const MOVE_TAKES: Duration = Duration::from_millis(500);

/// Planted bug: waits for the disk that say they went well and do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    Everywhere,
    /// What is moved there from the log may be in neither of them.
    InTheDatabase,
}

impl Lie {
    /// The command line that becomes such a server.
    fn wrapper(self, site: &Site) -> Vec<String> {
        let calls = "fsync,fdatasync";
        let mut words: Vec<String> =
            ["strace", "-D", "-f", "-qq", "-o", "/dev/null"].map(str::to_owned).into();
        words.extend(["-e".to_owned(), format!("trace={calls}")]);
        words.extend(["-e".to_owned(), format!("inject={calls}:retval=0")]);
        if self == Self::InTheDatabase {
            words.extend(["-P".to_owned(), site.database().display().to_string()]);
        }
        words
    }
}

/// What the server does when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It stores.
    Storing,
    /// It moves its log into the database.
    Moving,
    /// It has moved it, and begins the log anew.
    Moved,
}

const MOMENTS: [Moment; 4] = [Moment::Storing, Moment::Storing, Moment::Moving, Moment::Moved];

/// What senders were told of one server.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<u64>,
    batches: u64,
    /// What is said from then on does not count: without power nobody says anything, while a call that is under way in
    /// this kernel can end well although its data is dropped.
    is_over: bool,
}

struct Sender {
    path: &'static str,
    first: u64,
    /// What is not known to be stored; the next server gets it again.
    next: u64,
    dice: Dice,
}

impl Sender {
    fn new(number: u64, dice: &mut Dice) -> Self {
        let path = if number.is_multiple_of(2) { "/ingest" } else { "/events" };
        let first = number * 10_000_000;
        Self { path, first, next: first, dice: Dice::from_seed(dice.below(1 << 40)) }
    }

    /// Sends batch after batch to a server until it is gone, or until a test that hangs has to fail.
    fn run(&mut self, site: &Site, told: &Mutex<Told>, pauses: &AtomicBool) {
        let start = Instant::now();
        while start.elapsed() < 3 * LONG {
            if pauses.load(Ordering::Relaxed) && !told.lock().unwrap().is_over {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            // the last one again: what was stored counts once
            let from = self.next.saturating_sub(1).max(self.first);
            let numbers = from..self.next + self.dice.pick(&[1, 20, 150]);
            let answer = site.post(self.path, numbers.clone());
            let mut told = told.lock().unwrap();
            match answer {
                None if told.is_over => return,
                Some(_) if told.is_over => {}
                Some(answer) if answer.status < 300 => {
                    self.next = numbers.end;
                    told.acknowledged.extend(numbers);
                    told.batches += 1;
                }
                answer => panic!("with power the answer is {answer:?}"),
            }
        }
    }
}

/// Cuts the power of server after server on one disk; what the check says, or nothing where there is no such disk.
pub(super) fn cut_power(rounds: usize, lie: Option<Lie>) -> Option<Result<(), String>> {
    let disk = Disk::new(DISK)?;
    let site = Site::on(disk.mount_point().join("data"));
    if lie.is_some() {
        // what was stored well before is what the loss is seen against
        site.make_store();
    }
    let wrapper = lie.map_or_else(Vec::new, |lie| lie.wrapper(&site));
    let mut dice = Dice::new();
    let mut senders: Vec<Sender> = (0..4).map(|number| Sender::new(number, &mut dice)).collect();
    let mut acknowledged = BTreeSet::new();
    let outcome = (0..rounds).try_for_each(|round| {
        let said = |what| format!("round {round}: {what}");
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let mut server = site.start_under(&wrapper).map_err(said)?;
        let moment = MOMENTS[round % MOMENTS.len()];
        let cut_after = if moment == Moment::Storing { 1 + round as u64 * 7 % 40 } else { WORTH_MOVING };
        let (told, pauses) = (Mutex::new(Told::default()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for sender in &mut senders {
                scope.spawn(|| sender.run(&site, &told, &pauses));
            }
            wait_for(moment, cut_after, &site, &told, &pauses);
            std::thread::sleep(Duration::from_micros(dice.below(5000)));
            told.lock().unwrap().is_over = true;
            disk.cut();
            server.kill();
        });
        disk.come_back();
        acknowledged.extend(told.into_inner().unwrap().acknowledged);
        let _again = site.start().map_err(said)?;
        site.judge(&acknowledged).map_err(said)
    });
    eprintln!("{} events were acknowledged", acknowledged.len());
    Some(outcome)
}

/// Waits for that moment behind so many batches.
fn wait_for(moment: Moment, batches: u64, site: &Site, told: &Mutex<Told>, pauses: &AtomicBool) {
    let wait = |batches| {
        until_so(LONG, "enough is acknowledged", || told.lock().unwrap().batches >= batches);
    };
    wait(batches);
    if moment == Moment::Storing {
        return;
    }
    // a server that has nothing to store moves its log, if there is enough in it
    let changed = || std::fs::metadata(site.database()).unwrap().modified().unwrap();
    let before = changed();
    until_so(LONG, "the log is moved", || {
        pauses.store(true, Ordering::Relaxed);
        let since = Instant::now();
        while changed() == before && since.elapsed() < PAUSE {
            std::thread::sleep(Duration::from_millis(1));
        }
        let is_moved = changed() != before;
        if !is_moved {
            pauses.store(false, Ordering::Relaxed);
            std::thread::sleep(PAUSE / 10);
        }
        is_moved
    });
    if moment == Moment::Moved {
        std::thread::sleep(MOVE_TAKES);
        let so_far = told.lock().unwrap().batches;
        pauses.store(false, Ordering::Relaxed);
        wait(so_far + 15);
    }
}
