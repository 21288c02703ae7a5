//! The records of the file that is being read, for the summaries in it that name one of them. A file is looked through
//! once, whatever the number of its summaries.

use std::collections::VecDeque;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use vibetea_protocol::Timestamp;

use crate::{tail, transcript};

/// So many records of a file are known, the latest: no session comes near it, and it takes 4 MiB.
const KEPT: usize = 1 << 18;

/// Which records stand before some byte of some file, and when they were written.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    file: PathBuf,
    until: u64,
    /// Hashes of uuids, in the order of the file.
    records: VecDeque<(u64, Timestamp)>,
    hashes: RandomState,
}

impl Earlier {
    /// What is known may be of another file at the same path.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The time of the first record with this uuid before byte `until`, where a line begins.
    pub(super) fn find(&mut self, file: &Path, uuid: &str, until: u64) -> io::Result<Option<Timestamp>> {
        if self.file != file || self.until > until {
            self.forget();
        }
        if self.until < until {
            let Some((opened, _)) = tail::open(file)? else { return Ok(None) };
            // half of a file is nothing to go on from
            let mut begun = std::mem::take(self);
            begun.read_to(&opened, until)?;
            *self = Self { file: file.to_owned(), ..begun };
        }
        let wanted = self.hashes.hash_one(uuid);
        Ok(self.records.iter().find(|(hash, _)| *hash == wanted).map(|(_, timestamp)| *timestamp))
    }

    fn read_to(&mut self, file: &File, until: u64) -> io::Result<()> {
        tail::each_line(file, self.until..until, |line| {
            let mut mended = transcript::Mended::default();
            for record in transcript::read(line, &mut mended).records {
                let header = record.header();
                if let (Some(uuid), Some(timestamp)) = (header.uuid, header.timestamp) {
                    if self.records.len() == KEPT {
                        self.records.pop_front();
                    }
                    self.records.push_back((self.hashes.hash_one(uuid), timestamp));
                }
            }
        })?;
        self.until = until;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> String {
        format!(r#"{{"type":"user","uuid":"u{number}","timestamp":"2026-02-03T10:00:{:02}Z"}}"#, number % 60)
            + "\n"
    }

    #[test]
    fn a_record_is_found_before_the_summary_only_and_the_first_of_two_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.jsonl");
        let first = record(1);
        let twice = first.replace("10:00", "11:00");
        std::fs::write(&file, [first.as_str(), &record(2), &twice].concat()).unwrap();
        let ends = [first.len(), first.len() + record(2).len()].map(|end| end as u64);
        let mut earlier = Earlier::default();
        let mut found = |uuid: &str, until| earlier.find(&file, uuid, until).unwrap();
        let first_time = Some("2026-02-03T10:00:01Z".parse().unwrap());
        assert_eq!((found("u1", ends[0]), found("u2", ends[0])), (first_time, None));
        assert!(found("u2", ends[1]).is_some(), "it goes on where it was");
        assert_eq!(found("u1", std::fs::metadata(&file).unwrap().len()), first_time);
        assert_eq!(
            found("u2", ends[0]),
            None,
            "what was read of later lines does not count for an earlier one"
        );
    }

    /// Whether it comes to an end, and what it says then.
    fn ends<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (told, hear) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || told.send(look()));
        hear.recv_timeout(std::time::Duration::from_secs(2)).ok()
    }

    #[cfg(unix)]
    #[test]
    fn what_has_come_in_the_place_of_the_file_is_neither_waited_for_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, outside, link] =
            ["pipe.jsonl", "outside.jsonl", "link.jsonl"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::write(&outside, record(1)).unwrap();
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        let end = record(1).len() as u64;
        let find = |file: PathBuf| ends(move || Earlier::default().find(&file, "u1", end).unwrap());
        assert_eq!(find(pipe.clone()), Some(None));
        assert_eq!(find(link.clone()), Some(None));
        assert!(find(outside).unwrap().is_some());
        // planted bug: a plain opening waits for the one and follows the other
        assert!(std::fs::read_to_string(link).is_ok());
        let waits = pipe.clone();
        assert!(ends(move || File::open(waits).is_ok()).is_none());
        // which lets the thread go
        File::options().write(true).open(pipe).unwrap();
    }

    #[test]
    fn a_file_is_looked_through_once_for_all_its_summaries() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.jsonl");
        std::fs::write(&file, (0..100).map(record).collect::<String>()).unwrap();
        let end = std::fs::metadata(&file).unwrap().len();
        let mut earlier = Earlier::default();
        assert!(earlier.find(&file, "u99", end).unwrap().is_some());
        // a second look would find nothing
        std::fs::write(&file, "").unwrap();
        assert!(earlier.find(&file, "u7", end).unwrap().is_some());
        earlier.forget();
        assert!(earlier.find(&file, "u7", end).unwrap().is_none());
    }
}
