//! Lines of waiting files that nobody has read yet, counted while reading pauses, so that their number is known when
//! the files go away.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use super::file::{self, ReadAt as _, Stat};
use super::{Hands, Tail, Tracked};

/// Complete lines after a position, as far as they were counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unread {
    /// The file in which they are.
    place: Stat,
    /// The position after which they are.
    from: u64,
    /// How far they were counted.
    to: u64,
    lines: u64,
}

/// What went away unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Files that are gone.
    pub files: u64,
    /// Complete lines in them after their positions.
    pub lines: u64,
}

impl Unread {
    /// Counts on in the file, at most `limit` bytes; the bytes that were read.
    fn count(&mut self, file: &File, limit: u64) -> io::Result<u64> {
        let mut block = vec![0; 64 << 10];
        let mut done = 0;
        while done < limit {
            let read = file.read_at(&mut block, self.to)?;
            self.lines += memchr::memchr_iter(b'\n', &block[..read]).count() as u64;
            self.to += read as u64;
            done += read as u64;
            if read < block.len() {
                break;
            }
        }
        Ok(done)
    }

    /// Whether it is of this file as it is read now.
    fn is_of(&self, tracked: &Tracked) -> bool {
        self.place.same_place(&tracked.seen) && self.from == tracked.position.offset
    }
}

impl Tail {
    /// Counts the lines of waiting files, about `limit` bytes of them; whether there is more to count.
    pub fn count_unread(&mut self, limit: u64) -> bool {
        let mut left = limit;
        for path in self.queue.paths() {
            let Some(tracked) = self.files.get_mut(path).filter(|tracked| tracked.hands == Hands::Free)
            else {
                continue;
            };
            if tracked.unread.is_of(tracked) && tracked.unread.to >= tracked.seen.size {
                continue;
            }
            if left == 0 {
                return true;
            }
            self.touched.opened += 1;
            // a file that cannot be opened now is looked at again with the next count
            let Ok(Some((file, stat))) = file::open(&self.root.join(path)) else { continue };
            if !stat.same_place(&tracked.seen) {
                continue;
            }
            if !tracked.unread.is_of(tracked) {
                let from = tracked.position.offset;
                tracked.unread = Unread { place: stat, from, to: from, lines: 0 };
            }
            left = left.saturating_sub(tracked.unread.count(&file, left).unwrap_or(0).max(1));
            self.counted.insert(path.to_owned());
            if left == 0 && tracked.unread.to < tracked.seen.size {
                return true;
            }
        }
        false
    }

    /// Lines that wait, as far as they were counted.
    pub fn unread_lines(&self) -> u64 {
        let files = self.counted.iter().filter_map(|path| self.files.get(path));
        files.filter(|tracked| tracked.unread.is_of(tracked)).map(|tracked| tracked.unread.lines).sum()
    }

    /// What went away unread and was not taken note of yet.
    pub fn lost(&self) -> Lost {
        self.lost
    }

    /// What [`Tail::lost`] says was taken note of.
    pub fn forget_lost(&mut self) {
        self.lost = Lost::default();
    }

    /// Whether lines were counted that may not be read yet: then a file that goes away is to be missed soon.
    pub fn has_counted(&self) -> bool {
        !self.counted.is_empty()
    }

    /// Notes the counted files that are nowhere any more; `found` is every file that is there and not as it was when
    /// it had been read to its end.
    pub(super) fn notice_lost(&mut self, found: &[(String, Stat)]) {
        if self.counted.is_empty() {
            return;
        }
        let places: HashMap<(u64, u64), &str> =
            found.iter().map(|(path, stat)| ((stat.device, stat.inode), path.as_str())).collect();
        let (files, lost) = (&mut self.files, &mut self.lost);
        self.counted.retain(|path| {
            let Some(tracked) = files.get_mut(path) else { return false };
            let Unread { place, from, lines, .. } = tracked.unread;
            if from != tracked.position.offset {
                // it was read on since
                return false;
            }
            // one that is open is read to its end, wherever it is
            let here = places.get(&(place.device, place.inode));
            if tracked.handle.is_some() || here == Some(&path.as_str()) {
                return true;
            }
            // one that moved is counted where it is now
            if here.is_none() {
                lost.files += u64::from(lines > 0);
                lost.lines += lines;
            }
            tracked.unread = Unread::default();
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;

    use super::super::Limits;
    use super::*;

    fn tail(root: &Path) -> Tail {
        Tail::new(root.to_owned(), |_| true, Limits::default(), [])
    }

    fn append(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// Counts to the end, in small steps.
    fn count(tail: &mut Tail) {
        tail.scan(0);
        while tail.count_unread(10) {}
    }

    #[test]
    fn complete_lines_of_deleted_files_are_counted_as_they_were_last_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("p").join(name);
        let mut tail = tail(folder.path());
        append(&path("a.jsonl"), "1\n2\n3\nhalf");
        append(&path("b.jsonl"), &"4\n".repeat(100_000));
        append(&path("c.jsonl"), "5\n");
        count(&mut tail);
        append(&path("a.jsonl"), " a line\n");
        count(&mut tail);
        count(&mut tail);
        assert_eq!(tail.lost(), Lost::default());
        fs::remove_file(path("a.jsonl")).unwrap();
        fs::remove_file(path("b.jsonl")).unwrap();
        tail.scan(0);
        assert_eq!(tail.lost(), Lost { files: 2, lines: 100_004 });
        tail.scan(0);
        assert_eq!(tail.lost(), Lost { files: 2, lines: 100_004 }, "said once");
        // another file at the same path is another file
        let elsewhere = tempfile::tempdir().unwrap();
        fs::rename(path("c.jsonl"), elsewhere.path().join("c.jsonl")).unwrap();
        append(&path("c.jsonl"), "6\n7\n");
        tail.scan(0);
        assert_eq!(tail.lost(), Lost { files: 3, lines: 100_005 });
    }

    #[test]
    fn files_that_moved_or_are_open_or_were_read_are_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("p").join(name);
        let mut tail = tail(folder.path());
        append(&path("moved.jsonl"), "1\n2\n");
        append(&path("read.jsonl"), "3\n");
        count(&mut tail);
        fs::rename(path("moved.jsonl"), path("new-name.jsonl")).unwrap();
        tail.scan(0);
        assert_eq!(tail.lost(), Lost::default());
        while let Some(work) = tail.next(true) {
            tail.done(work);
        }
        append(&path("read.jsonl"), "4\n");
        count(&mut tail);
        // caught up before, so it is live and open
        while let Some(work) = tail.next(true) {
            tail.done(work);
        }
        append(&path("read.jsonl"), "5\n");
        count(&mut tail);
        fs::remove_file(path("read.jsonl")).unwrap();
        fs::remove_file(path("new-name.jsonl")).unwrap();
        tail.scan(0);
        assert_eq!(tail.lost(), Lost::default());
        let rest = tail.next(true).unwrap();
        assert_eq!(rest.chunk.len(), 1, "what is left of an open file can still be read");
    }
}
