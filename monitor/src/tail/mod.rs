//! Which files there are, what is new in them, and in which order it is read. Files only, never what a line
//! means, and nothing that outlives the process: positions come from the caller and go back to it.
//!
//! The caller takes [`Work`] with [`Tail::next`], keeps its lines and its new position together, and says so
//! with [`Tail::done`]; work that was not kept is handed back with [`Tail::undone`] and comes again.

mod file;
mod lines;
mod queue;
mod read;
mod rescan;
mod scan;
mod unread;
pub mod watch;

#[cfg(test)]
mod model;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};

pub use file::{Position, Stat, each_line, open};
pub use lines::{Chunk, Limits, Line};
pub use queue::Class;
use queue::Queue;
use scan::Warned;
pub use unread::Lost;
use unread::Unread;

use lines::Partial;

/// A change within this time is live, in nanoseconds.
const LIVE_NANOS: i64 = 600 * 1_000_000_000;
/// A file with more unread bytes than this when it is found is history, however fresh.
const LIVE_BYTES: u64 = 1 << 20;
/// Files that are kept open, so that the rest of one that is deleted can still be read.
const OPEN_FILES: usize = 32;

/// Something to keep: the lines of one file and where they end.
#[derive(Debug)]
pub struct Work {
    /// Path below the followed folder.
    pub path: String,
    /// How urgent the file is.
    pub class: Class,
    /// The lines; possibly none, where only the position changes.
    pub chunk: Chunk,
    /// The position after them, to be kept with what the lines gave.
    pub after: Position,
    /// Where the lines begin.
    pub from: u64,
    /// The file is not the one that was read at this path before: nothing remembered of that one holds.
    pub replaced: bool,
    /// The file was read before under this path, and what is remembered of it goes on.
    pub moved_from: Option<String>,
    /// The path where the file can be opened; gone when the rest of a deleted file is read.
    pub location: PathBuf,
    partial: Partial,
    at_end: Option<Stat>,
}

impl Work {
    /// Whether everything complete in the file has been read with this.
    pub fn at_end(&self) -> bool {
        self.at_end.is_some()
    }
}

/// How often files were touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Touched {
    /// Files and folders looked at without being opened.
    pub looked: u64,
    /// Files opened.
    pub opened: u64,
    /// Looks for new lines in an open file.
    pub read: u64,
}

/// What is not read yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Files with something to read, live ones included.
    pub files: u64,
    /// Files among them that are history.
    pub history: u64,
}

#[derive(Debug, Default)]
struct Tracked {
    position: Position,
    partial: Partial,
    /// As the file was when it had been read to its end.
    read_to: Option<Stat>,
    /// Look again at the next scan though nothing shows: a second change can hide behind the clock's grain.
    again: bool,
    /// Read to its end in this run: what comes now is live whatever its size.
    caught_up: bool,
    handle: Option<(File, Stat)>,
    hands: Hands,
    /// As the last look showed it.
    seen: Stat,
    unread: Unread,
}

/// Who has the file's next lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hands {
    /// Nobody; they can be read.
    #[default]
    Free,
    /// The caller, until he kept them or gave them back.
    Caller,
    /// The caller, and the file has changed since.
    CallerAndChanged,
}

/// The followed folder.
#[derive(Debug)]
pub struct Tail {
    root: PathBuf,
    follow: fn(&str) -> bool,
    limits: Limits,
    files: HashMap<String, Tracked>,
    /// Folders that were listed, with their time then.
    folders: HashMap<String, i64>,
    /// Where a file was last read, by device and inode, to know a renamed one.
    places: HashMap<(u64, u64), String>,
    queue: Queue,
    open: VecDeque<String>,
    warned: Warned,
    touched: Touched,
    /// Comes between the look at an open file and the read, where tests let it grow.
    #[cfg(test)]
    before_read: Option<fn(&Path)>,
    /// Files whose unread lines were counted.
    counted: HashSet<String>,
    lost: Lost,
    /// A buffer for the next chunk.
    spare: Vec<u8>,
}

impl Tail {
    /// Follows the files below `root` that `follow` wants by their relative path; `known` is how far they were
    /// read before.
    pub fn new(
        root: PathBuf,
        follow: fn(&str) -> bool,
        limits: Limits,
        known: impl IntoIterator<Item = (String, Position)>,
    ) -> Self {
        let mut tail = Self {
            root,
            follow,
            limits,
            files: HashMap::new(),
            folders: HashMap::new(),
            places: HashMap::new(),
            queue: Queue::default(),
            open: VecDeque::new(),
            warned: Warned::default(),
            touched: Touched::default(),
            #[cfg(test)]
            before_read: None,
            counted: HashSet::new(),
            lost: Lost::default(),
            spare: Vec::new(),
        };
        for (path, position) in known {
            tail.set_position(&path, position);
        }
        tail
    }

    /// Takes over a position that was kept by the caller alone.
    pub fn set_position(&mut self, path: &str, position: Position) {
        let tracked = self.files.entry(path.to_owned()).or_default();
        if position.stat.inode != 0 {
            self.places.insert((position.stat.device, position.stat.inode), path.to_owned());
        }
        tracked.read_to = (position.stat != Stat::default()).then_some(position.stat);
        tracked.position = position;
    }

    /// The folder is to be found at this path now.
    pub fn set_root(&mut self, root: PathBuf) {
        self.root = root;
        self.folders.clear();
    }

    /// Files that are known, whether they are still there or not.
    pub fn known_files(&self) -> usize {
        self.files.len()
    }

    /// The followed folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How often files were touched so far.
    pub fn touched(&self) -> Touched {
        self.touched
    }

    /// What is not read yet.
    pub fn backlog(&self) -> Backlog {
        let history = self.queue.history_len() as u64;
        Backlog { files: history + self.queue.live_len() as u64, history }
    }

    /// Places in the folder that could not be read, as far as they are counted.
    pub fn unreadable(&self) -> usize {
        self.warned.places()
    }

    /// Files that are open.
    pub fn open_files(&self) -> usize {
        self.open.len()
    }

    /// How far the file is read, if it is known.
    pub fn position(&self, path: &str) -> Option<&Position> {
        self.files.get(path).map(|tracked| &tracked.position)
    }

    /// Whether the file was read to its end and has shown no change since.
    pub fn is_quiet(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|tracked| tracked.read_to.is_some() && tracked.hands == Hands::Free)
    }

    /// The next lines of the most urgent file; `history` says whether those that can wait are wanted. The same
    /// file does not come again before [`Tail::done`] or [`Tail::undone`].
    pub fn next(&mut self, history: bool) -> Option<Work> {
        while let Some((path, class)) = self.queue.pop(history) {
            let mut tracked = self.files.remove(&path).unwrap_or_default();
            let work = self.read(&path, class, &mut tracked);
            match work {
                Ok(Some(work)) => {
                    tracked.hands = Hands::Caller;
                    self.files.insert(path, tracked);
                    return Some(work);
                }
                Ok(None) => self.keep(path, tracked),
                Err(error) => {
                    self.warned.say(&self.root.join(&path), &error);
                    tracked.handle = None;
                    self.keep(path, tracked);
                }
            }
        }
        None
    }

    /// The lines are not needed any more; what they lay in is used for the next work.
    pub fn take_back(&mut self, work: &mut Work) {
        std::mem::take(&mut work.chunk).recycle(&mut self.spare, self.limits);
    }

    /// The work was kept, position and all.
    pub fn done(&mut self, work: Work) {
        let Some(mut tracked) = self.files.remove(&work.path) else { return };
        let changed = std::mem::take(&mut tracked.hands) == Hands::CallerAndChanged;
        work.chunk.recycle(&mut self.spare, self.limits);
        tracked.partial = work.partial;
        tracked.read_to = work.at_end;
        tracked.again = work.at_end.is_some();
        tracked.caught_up |= work.at_end.is_some();
        let (device, inode) = (work.after.stat.device, work.after.stat.inode);
        if inode != 0 {
            self.places.insert((device, inode), work.path.clone());
        }
        let newest = work.after.stat.modified;
        tracked.position = work.after;
        if work.at_end.is_none() || changed {
            tracked.read_to = None;
            self.queue.push(&work.path, work.class, newest);
        }
        self.keep(work.path, tracked);
    }

    /// The work was not kept; it comes again.
    pub fn undone(&mut self, work: &Work) {
        let Some(tracked) = self.files.get_mut(&work.path) else { return };
        tracked.hands = Hands::Free;
        tracked.read_to = None;
        // what was remembered of the half line belongs to the position that was not kept
        tracked.partial = Partial::default();
        self.queue.push(&work.path, work.class, work.after.stat.modified);
    }

    fn keep(&mut self, path: String, tracked: Tracked) {
        let is_open = tracked.handle.is_some();
        self.files.insert(path.clone(), tracked);
        self.open.retain(|open| *open != path);
        if is_open {
            self.open.push_back(path);
        }
        while self.open.len() > OPEN_FILES {
            if let Some(oldest) = self.open.pop_front()
                && let Some(tracked) = self.files.get_mut(&oldest)
            {
                tracked.handle = None;
            }
        }
    }
}
