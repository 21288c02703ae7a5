//! Reading on in one file of the tail: which file its path leads to now, and what is new in it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::lines::Partial;
use super::{Class, Position, Stat, Tail, Tracked, Work, file};

impl Tail {
    /// Reads on in one file; `None` when there is nothing to keep.
    pub(super) fn read(
        &mut self,
        path: &str,
        class: Class,
        tracked: &mut Tracked,
    ) -> io::Result<Option<Work>> {
        let location = self.root.join(path);
        let here = std::fs::symlink_metadata(&location).ok().map(|metadata| Stat::of(&metadata));
        if let Some((file, opened)) = tracked.handle.take() {
            let stat = Stat::of(&file.metadata()?);
            if here.is_some_and(|here| here.same_place(&opened)) && opened.inode != 0 {
                return self.read_open(path, class, tracked, file, stat, location);
            }
            // the path holds another file or none: what is left of this one comes first
            if let Some(mut work) = self.read_rest(path, class, tracked, &file, location.clone())? {
                work.at_end = None;
                tracked.handle = Some((file, stat));
                return Ok(Some(work));
            }
        }
        if here.is_none() || !self.is_inside(&location) {
            return Ok(None);
        }
        self.touched.opened += 1;
        match file::open(&location) {
            Ok(Some((file, stat))) => self.read_open(path, class, tracked, file, stat, location),
            Ok(None) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the path leads to where it says: a folder on the way may have become a link since it was listed.
    fn is_inside(&self, location: &Path) -> bool {
        let (Some(folder), Ok(root)) = (location.parent(), std::fs::canonicalize(&self.root)) else {
            return false;
        };
        let below = folder.strip_prefix(&self.root).map(|below| root.join(below));
        below.is_ok_and(|expected| std::fs::canonicalize(folder).is_ok_and(|found| found == expected))
    }

    /// What is left in a file that its path no longer leads to.
    fn read_rest(
        &mut self,
        path: &str,
        class: Class,
        tracked: &mut Tracked,
        file: &File,
        location: PathBuf,
    ) -> io::Result<Option<Work>> {
        self.touched.read += 1;
        let from = tracked.position.offset;
        let mut partial = tracked.partial;
        let size = file.metadata()?.len();
        let read = file::read_on(file, size, &tracked.position, &mut partial, self.limits, &mut self.spare)?;
        let Some((chunk, after)) = read.filter(|(_, after)| after.offset > from) else { return Ok(None) };
        let path = path.to_owned();
        Ok(Some(Work {
            path,
            class,
            chunk,
            after,
            from,
            replaced: false,
            moved_from: None,
            location,
            partial,
            at_end: None,
        }))
    }

    fn read_open(
        &mut self,
        path: &str,
        class: Class,
        tracked: &mut Tracked,
        file: File,
        stat: Stat,
        location: PathBuf,
    ) -> io::Result<Option<Work>> {
        self.touched.read += 1;
        #[cfg(test)]
        if let Some(grow) = self.before_read {
            grow(&location);
        }
        let mut before = tracked.position.clone();
        let mut moved_from = None;
        if before == Position::default()
            && let Some((other, position)) = self.moved(path, &file, stat)?
        {
            (before, moved_from) = (position, Some(other));
        }
        let mut partial = if moved_from.is_none() { tracked.partial } else { Partial::default() };
        let mut replaced = false;
        let mut read = file::read_on(&file, stat.size, &before, &mut partial, self.limits, &mut self.spare)?;
        if read.is_none() {
            replaced = true;
            before = before.next_generation();
            partial = Partial::default();
            read = file::read_on(&file, stat.size, &before, &mut partial, self.limits, &mut self.spare)?;
        }
        let Some((chunk, mut after)) = read else { return Ok(None) };
        // as it looked before it was read: what came since shows as a change
        let at_end = (!chunk.more).then_some(stat);
        after.stat = at_end.unwrap_or_default();
        let nothing_to_keep = after.offset == before.offset && !replaced && moved_from.is_none();
        if nothing_to_keep {
            tracked.partial = partial;
            tracked.read_to = at_end;
            tracked.again = at_end.is_some() && tracked.position.stat != stat;
            tracked.caught_up |= at_end.is_some();
            tracked.position.stat = after.stat;
            if chunk.more {
                self.queue.push(path, class, stat.modified);
            }
            tracked.handle = Some((file, stat));
            chunk.recycle(&mut self.spare, self.limits);
            return Ok(None);
        }
        if class == Class::Live || at_end.is_none() {
            tracked.handle = Some((file, stat));
        }
        Ok(Some(Work {
            path: path.to_owned(),
            class,
            chunk,
            from: before.offset,
            after,
            replaced,
            moved_from,
            location,
            partial,
            at_end,
        }))
    }

    /// The path under which a file that is new at `path` was read before.
    fn moved(&self, path: &str, file: &File, stat: Stat) -> io::Result<Option<(String, Position)>> {
        let Some(other) = self.places.get(&(stat.device, stat.inode)).filter(|other| *other != path) else {
            return Ok(None);
        };
        let Some(tracked) = self.files.get(other).filter(|tracked| tracked.position.offset > 0) else {
            return Ok(None);
        };
        let mut position = tracked.position.clone();
        position.generation = 0;
        let known =
            file::read_on(file, stat.size, &position, &mut Partial::default(), self.limits, &mut Vec::new())?
                .is_some();
        Ok(known.then(|| (other.clone(), position)))
    }

    /// The position after the last complete line of a file that is not to be read.
    pub fn end_of(&mut self, path: &str) -> io::Result<Option<Position>> {
        self.touched.opened += 1;
        let Some((file, stat)) = file::open(&self.root.join(path))? else { return Ok(None) };
        let position = file::end_of(&file, stat.size)?;
        Ok(Some(Position { stat, ..position }))
    }
}
